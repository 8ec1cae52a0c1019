"""`python -m experiments.embed`: see `vae_jax.cli.embed`."""

from vae_jax_command import command, run

main = command("embed")

if __name__ == "__main__":
    run(main)
