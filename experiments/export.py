"""`python -m experiments.export`: see `vae_jax.cli.export`."""

import sys

from vae_jax.cli.export import main

if __name__ == "__main__":
    sys.exit(main(prog="python -m experiments.export"))
