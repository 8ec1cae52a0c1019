"""`python -m experiments.compare`: see `vae_jax.commands.compare`."""

import sys

from vae_jax.commands.compare import main

if __name__ == "__main__":
    sys.exit(main(prog="python -m experiments.compare"))
