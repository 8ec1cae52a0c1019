"""`python -m experiments.compare`: see `vae_jax.cli.compare`."""

from vae_jax_command import command, run

main = command("compare")

if __name__ == "__main__":
    run(main)
