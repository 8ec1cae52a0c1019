"""Data sets by name, checked, and what is done to an example before a model sees it.

Importing this loads no data library: tensorflow-datasets, pillow and scikit-learn are imported by
the `load` that needs them.
"""

from vae_jax.data.checks import check_array
from vae_jax.data.dataset import Dataset, Split
from vae_jax.data.fetch import fetch
from vae_jax.data.load import load
from vae_jax.data.transforms import Prepare, binarise, dequantise, prepare_fixed, scale

__all__ = [
    "Dataset",
    "Prepare",
    "Split",
    "binarise",
    "check_array",
    "dequantise",
    "fetch",
    "load",
    "prepare_fixed",
    "scale",
]
