"""A run folder to report on, and a browser to look at the report."""

import shutil

import browser as chromium
import numpy as np
import pytest
from run_files import CONFIG, EVALUATION, test_row, train_row, write, write_rows

from vae_jax import plots


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """A folder of pictures, which takes a while to draw."""
    folder = tmp_path_factory.mktemp("pictures")
    images = np.random.default_rng(0).random((4, 8, 8, 1))
    for stem in ("samples", "reconstructions", "traversal", "latent_map", "curves", "my_own"):
        plots.save_images(folder / f"{stem}.png", images, 2, stem)
    return folder


@pytest.fixture
def folder(tmp_path, pictures):
    """A finished run of 60 epochs, with every file there may be."""
    folder = tmp_path / "digits-1"
    shutil.copytree(pictures, folder / "pictures")
    write(folder, "config", CONFIG)
    write(folder, "evaluation", EVALUATION)
    write(folder, "status", {"state": "finished", "epoch": 60, "epochs": 60})
    players = {"loss": 1.0, "critic/loss": 2.0, "encoder/loss": 3.0}
    train = [train_row(epoch, **players) for epoch in range(1, 61)]
    write_rows(folder, [*train, *(test_row(epoch) for epoch in range(3, 61, 3))])
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A headless browser; one for all tests of a file."""
    binary = chromium.find()
    if binary is None:
        pytest.skip(chromium.HOW)
    running = chromium.Browser(binary, tmp_path_factory.mktemp("profile"))
    yield running
    running.close()
