"""`python -m experiments.evaluate`: see `vae_jax.commands.evaluate`."""

import sys

from vae_jax.commands.evaluate import main

if __name__ == "__main__":
    sys.exit(main(prog="python -m experiments.evaluate"))
