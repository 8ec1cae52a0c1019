"""`python -m experiments.interpolate`: see `vae_jax.cli.interpolate`."""

import sys

from vae_jax.cli.interpolate import main

if __name__ == "__main__":
    sys.exit(main(prog="python -m experiments.interpolate"))
