"""`python -m experiments.sample`: see `vae_jax.cli.sample`."""

from vae_jax_command import command, run

main = command("sample")

if __name__ == "__main__":
    run(main)
