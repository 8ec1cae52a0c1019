"""The experiments by name: each a function whose docstring says what to expect."""

from vae_jax.configs.experiment import (
    Config,
    Data,
    Examples,
    Experiment,
    Optimize,
    Trained,
    Views,
)
from vae_jax.configs.lookup import CONFIGS, find, names

__all__ = [
    "CONFIGS",
    "Config",
    "Data",
    "Examples",
    "Experiment",
    "Optimize",
    "Trained",
    "Views",
    "find",
    "names",
]
