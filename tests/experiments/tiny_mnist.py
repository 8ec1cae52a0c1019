"""The data and settings of the tests of experiments/papers/iwae."""

import pytest
from tiny_runs import noise

from experiments.papers.iwae import images, scores
from experiments.papers.iwae.protocols import Settings
from vae_jax import data

TINY = Settings(batch_size=40, epochs=3, learning_rate=1e-3, average=0.9)


def tiny(name, raw=None, download=False):
    """200 images to train on and 20 to test, in the form of the data set of this name."""
    grey = noise("mnist")
    if name == "mnist":
        return grey
    train, test = (data.Split(split.x // 128, None) for split in (grey.train, grey.test))
    return data.Dataset(name, train, test, test, max_value=1)


@pytest.fixture
def tiny_data(monkeypatch):
    monkeypatch.setattr(data, "load", tiny)
    monkeypatch.setattr(scores, "IMPORTANCE_SAMPLES", 10)
    monkeypatch.setattr(scores, "UNIT_SAMPLES", 2)
    images.read.cache_clear()
    yield
    images.read.cache_clear()
