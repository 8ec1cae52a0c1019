"""`python -m experiments.reconstruct`: see `vae_jax.cli.reconstruct`."""

import sys

from vae_jax.cli.reconstruct import main

if __name__ == "__main__":
    sys.exit(main(prog="python -m experiments.reconstruct"))
