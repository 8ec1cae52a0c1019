"""Runs that the tests of runs share."""

import pytest
from tiny_runs import train


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    """A run as a user starts it; one with all 5,000 importance samples."""
    options = {"epochs": 4, "hidden": 32, "latents": 3, "seed": 7, "evaluate_every": 2}
    return train(tmp_path_factory.mktemp("digits") / "run", "digits", **options)


@pytest.fixture(scope="session")
def chosen(tmp_path_factory):
    """A run whose best parameters are not its last: the rate is far too high."""
    training = {"hold_out": 200, "evaluate_every": 1, "average": 0.5, "patience": 3, "keep": 1}
    options = {"epochs": 30, "hidden": 8, "latents": 2, "learning_rate": 0.2, **training}
    return train(tmp_path_factory.mktemp("chosen") / "run", "digits", **options)
