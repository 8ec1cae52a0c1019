"""`python -m experiments.traverse`: see `vae_jax.cli.traverse`."""

from vae_jax_command import command, run

main = command("traverse")

if __name__ == "__main__":
    run(main)
