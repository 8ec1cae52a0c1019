"""`python -m experiments.compare`: see `vae_jax.cli.compare`."""

import sys

from vae_jax.cli.compare import main

if __name__ == "__main__":
    sys.exit(main(prog="python -m experiments.compare"))
