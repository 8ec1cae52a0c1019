"""`python -m experiments.prior`: see `vae_jax.cli.prior`."""

from vae_jax_command import command, run

main = command("prior")

if __name__ == "__main__":
    run(main)
