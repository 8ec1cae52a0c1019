"""Runs: a folder each, that can be interrupted, gone on with, moved, looked at and shared."""

from vae_jax.runs.load import Run, load_run
from vae_jax.runs.train import resume, start
from vae_jax.runs.training import Training
from vae_jax.runs.watch import Ended, Watch

__all__ = ["Ended", "Run", "Training", "Watch", "load_run", "resume", "start"]
