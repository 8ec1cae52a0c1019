"""`python -m experiments.sample`: see `vae_jax.cli.sample`."""

import sys

from vae_jax.cli.sample import main

if __name__ == "__main__":
    sys.exit(main(prog="python -m experiments.sample"))
