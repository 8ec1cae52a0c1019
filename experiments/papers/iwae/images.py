"""MNIST in the two binarisations that are published."""

import functools
from pathlib import Path

from vae_jax import data
from vae_jax.configs import Data
from vae_jax.configs.experiment import images
from vae_jax.data import idx


@functools.cache
def read(binarisation: str, raw: Path | None) -> data.Dataset:
    """The images, read once.

    "dynamic": the 60,000 and 10,000 of MNIST, in grey. "fixed": the 50,000, 10,000 and 10,000 that
    Larochelle binarised, of which, as in the authors' code, the second 10,000 are left aside.

    Args:
      binarisation: one of the two.
      raw: the folder of the raw files, which are read as they are, or one with the subfolders mnist
        and static_mnist; None for the folder that tensorflow-datasets has prepared.
    """
    name = {"dynamic": "mnist", "fixed": "static_mnist"}[binarisation]
    raw = None if raw is None else raw.expanduser()
    if raw is not None and (raw / name).is_dir():
        raw = raw / name
    if raw is not None and name in idx.SOURCES:
        return idx.read(idx.SOURCES[name], raw)
    return data.load(name, raw)


def prepare_of(binarisation: str) -> data.Prepare | None:
    """What is done to an image each time it is seen in training."""
    return data.binarise(255) if binarisation == "dynamic" else None


def prepared(binarisation: str, dataset: data.Dataset) -> Data:
    """Training images as they are stored; test images, drawn once as those of `mnist_vae` are."""
    return images(dataset, prepare_of(binarisation))
