"""Runs that the tests of commands share; they are not changed."""

import pytest
from tiny_runs import LINES, bytes_of, train, write_pngs

from vae_jax.runs import load_run


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    options = {"epochs": 2, "hidden": 16, "latents": 3, "evaluate_every": 1}
    return load_run(train(tmp_path_factory.mktemp("digits") / "run", "digits", **options))


@pytest.fixture(scope="session")
def conditional(tmp_path_factory):
    options = {"epochs": 1, "hidden": 4, "latents": 2}
    folder = tmp_path_factory.mktemp("conditional") / "run"
    return load_run(train(folder, "digits_conditional", **options))


@pytest.fixture(scope="session")
def text(tmp_path_factory):
    place = tmp_path_factory.mktemp("text")
    (place / "night.txt").write_text(LINES)
    options = {"epochs": 1, "hidden": 4, "latents": 2, "length": 8, "batch_size": 20}
    return load_run(train(place / "run", "text", data=place / "night.txt", **options))


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """Of a folder of images that is read as it is needed."""
    place = tmp_path_factory.mktemp("pictures")
    write_pngs(place / "set" / "train", bytes_of(20))
    write_pngs(place / "set" / "test", bytes_of(6, seed=1))
    options = {"epochs": 1, "channels": 2, "latents": 2, "batch_size": 10, "stream": True}
    return load_run(train(place / "run", "images", data=place / "set", **options))
