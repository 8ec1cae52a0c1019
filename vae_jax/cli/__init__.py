"""The command line: `vae_jax <command>`, or `python -m experiments.<command>` in a clone."""
