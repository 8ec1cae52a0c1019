"""What the tests of data read: a tiny data set in the form of MNIST, and the real ones."""

import gzip
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from vae_jax.data import idx

REPOSITORY = Path(__file__).parents[2]
REAL = Path(os.environ.get("VAE_JAX_TEST_DATA") or REPOSITORY.parent / "shared" / "data")
SIZES = {"train": 50, "test": 20}


def arrays():
    rng = np.random.default_rng(3)
    made = []
    for size in SIZES.values():
        made.append(rng.integers(0, 256, (size, 28, 28), dtype=np.uint8))
        made.append(rng.integers(0, 10, size, dtype=np.uint8))
    return made


def make_source(name="mnist", base_url="http://127.0.0.1:9/"):
    digests = [hashlib.sha256(idx.encode(array)).hexdigest() for array in arrays()]
    return idx.source(name, base_url, tuple(digests))


def write(folder: Path, *, compress=True):
    """Write the four files into the folder, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, array in zip(make_source().files, arrays(), strict=True):
        content = idx.encode(array)
        if compress:
            (folder / f"{file.name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / file.name).write_bytes(content)
    return folder


def real(name):
    """The folder of real files, or skip the test."""
    folder = REAL / name
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is missing (VAE_JAX_TEST_DATA names another place)")
    return folder
