"""`python -m experiments.embed`: see `vae_jax.cli.embed`."""

import sys

from vae_jax.cli.embed import main

if __name__ == "__main__":
    sys.exit(main(prog="python -m experiments.embed"))
