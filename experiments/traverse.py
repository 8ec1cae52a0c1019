"""`python -m experiments.traverse`: see `vae_jax.cli.traverse`."""

import sys

from vae_jax.cli.traverse import main

if __name__ == "__main__":
    sys.exit(main(prog="python -m experiments.traverse"))
