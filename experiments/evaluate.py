"""`python -m experiments.evaluate`: see `vae_jax.cli.evaluate`."""

from vae_jax_command import command, run

main = command("evaluate")

if __name__ == "__main__":
    run(main)
