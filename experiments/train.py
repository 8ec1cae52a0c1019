"""`python -m experiments.train`: see `vae_jax.cli.train`."""

import sys

from vae_jax.cli.train import main

if __name__ == "__main__":
    sys.exit(main(prog="python -m experiments.train"))
