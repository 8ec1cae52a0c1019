"""`python -m experiments.reconstruct`: see `vae_jax.cli.reconstruct`."""

from vae_jax_command import command, run

main = command("reconstruct")

if __name__ == "__main__":
    run(main)
