"""`python -m experiments.interpolate`: see `vae_jax.cli.interpolate`."""

from vae_jax_command import command, run

main = command("interpolate")

if __name__ == "__main__":
    run(main)
