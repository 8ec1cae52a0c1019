"""`python -m experiments.train`: see `vae_jax.cli.train`."""

from vae_jax_command import command, run

main = command("train")

if __name__ == "__main__":
    run(main)
