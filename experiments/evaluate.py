"""`python -m experiments.evaluate`: see `vae_jax.cli.evaluate`."""

import sys

from vae_jax.cli.evaluate import main

if __name__ == "__main__":
    sys.exit(main(prog="python -m experiments.evaluate"))
