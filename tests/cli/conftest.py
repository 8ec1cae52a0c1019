"""Runs that the tests of commands share; they are not changed."""

import pytest
from tiny_runs import LINES, bytes_of, shorten, train, write_pngs

from vae_jax.runs import load_run


def run(folder, name, **options):
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch, pictures=False)
        train(folder, name, **options)
    return load_run(folder)


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    options = {"epochs": 2, "hidden": 16, "latents": 3, "evaluate_every": 1}
    return run(tmp_path_factory.mktemp("digits") / "run", "digits", **options)


@pytest.fixture(scope="session")
def conditional(tmp_path_factory):
    options = {"epochs": 1, "hidden": 4, "latents": 2}
    folder = tmp_path_factory.mktemp("conditional") / "run"
    return run(folder, "digits_conditional", **options)


@pytest.fixture(scope="session")
def text(tmp_path_factory):
    place = tmp_path_factory.mktemp("text")
    (place / "night.txt").write_text(LINES)
    options = {"epochs": 1, "hidden": 4, "latents": 2, "length": 8, "batch_size": 20}
    return run(place / "run", "text", data=place / "night.txt", **options)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """Of a folder of images that is read as it is needed."""
    place = tmp_path_factory.mktemp("pictures")
    write_pngs(place / "set" / "train", bytes_of(20))
    write_pngs(place / "set" / "test", bytes_of(6, seed=1))
    options = {"epochs": 1, "channels": 2, "latents": 2, "batch_size": 10, "stream": True}
    return run(place / "run", "images", data=place / "set", **options)
