"""`python -m experiments.export`: see `vae_jax.cli.export`."""

from vae_jax_command import command, run

main = command("export")

if __name__ == "__main__":
    run(main)
