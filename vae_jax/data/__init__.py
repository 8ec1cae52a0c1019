"""Data sets by name or from files, checked, and what is done to an example before a model sees it.

In memory: `load` (by name), `read` (images of a folder, a file, a prepared set) and the readers
behind it, `read_images`, `read_array`, `read_tfds`; `read_table`, `read_series`, `read_text`,
`read_lines`.
Larger than memory: `open_images` and `open_array`, which `train.stream_epoch` reads.

Importing this loads no data library: tensorflow-datasets, pillow, pyarrow and scikit-learn are
imported by the function that needs them.
"""

from vae_jax.data.arrays import read_array
from vae_jax.data.checks import check_array
from vae_jax.data.dataset import Dataset, Split, hold_out
from vae_jax.data.fetch import fetch
from vae_jax.data.image_files import left_out
from vae_jax.data.images import read_images
from vae_jax.data.load import load
from vae_jax.data.missing import observed
from vae_jax.data.read import read
from vae_jax.data.series import Series, read_series
from vae_jax.data.sources import Source, open_array, open_images
from vae_jax.data.standardise import Standardise, standardise
from vae_jax.data.tables import Rows, Table, read_table
from vae_jax.data.text import Lines, read_lines, read_text
from vae_jax.data.tfds import read_tfds
from vae_jax.data.transforms import Prepare, binarise, dequantise, prepare_fixed, scale

__all__ = [
    "Dataset",
    "Lines",
    "Prepare",
    "Rows",
    "Series",
    "Source",
    "Split",
    "Standardise",
    "Table",
    "binarise",
    "check_array",
    "dequantise",
    "fetch",
    "hold_out",
    "left_out",
    "load",
    "observed",
    "open_array",
    "open_images",
    "prepare_fixed",
    "read",
    "read_array",
    "read_images",
    "read_lines",
    "read_series",
    "read_table",
    "read_text",
    "read_tfds",
    "scale",
    "standardise",
]
