"""The configs: what their options are called, and what they build."""

import inspect
import re

import jax
import numpy as np
import pytest

from experiments.configs import CONFIGS
from experiments.experiment import cosine_adam
from experiments.train import main


@pytest.mark.parametrize("name", CONFIGS)
def test_every_option_is_explained(name):
    config = CONFIGS[name]
    assert config.__name__ == name
    parameters = inspect.signature(config).parameters.values()
    explained = re.findall(r"^ {2}(\w+): \S", inspect.getdoc(config), re.MULTILINE)
    assert explained == [p.name for p in parameters]
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in parameters)
    assert {"epochs", "batch_size", "seed"} <= set(explained)


def test_evaluation_data_are_the_same_whatever_the_seed():
    one, other = (CONFIGS["digits"](seed=seed) for seed in (0, 1))
    np.testing.assert_array_equal(one.test["x"], other.test["x"])
    assert set(np.unique(one.test["x"])) == {0.0, 1.0}
    assert one.train["x"].dtype == np.uint8
    assert one.train["x"].max() == 16
    assert (len(one.train["x"]), len(one.test["x"])) == (1437, 360)
    assert "c" not in one.train
    assert (one.seed, other.seed) == (0, 1)


def test_a_conditional_experiment_has_labels():
    experiment = CONFIGS["digits_conditional"]()
    for split, size in ((experiment.train, 1437), (experiment.test, 360)):
        assert split["c"].shape == (size,)
        assert set(np.unique(split["c"])) == set(range(10))
    np.testing.assert_array_equal(experiment.labels, experiment.test["c"])


def test_the_learning_rate_falls_to_zero_over_the_run():
    """23 examples in batches of 5 are 4 steps an epoch: 8 in 2 epochs."""
    optimizer = cosine_adam(0.1, 23, 5, 2)
    params, one = {"a": np.float32(1.0)}, {"a": np.float32(1.0)}
    state, sizes = optimizer.init(params), []
    for _ in range(10):
        update, state = jax.jit(optimizer.update)(one, state, params)
        sizes.append(-float(update["a"]))
    expected = [0.05 * (1 + np.cos(np.pi * min(t / 8, 1))) for t in range(10)]
    # Adam of a constant gradient steps by the rate itself; 1 - beta^t loses three digits
    np.testing.assert_allclose(sizes, expected, rtol=2e-4, atol=1e-7)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 1438}, "1437 examples do not fill one batch of 1438"),
        ({"batch_size": 0}, "batch_size must be at least 1; got 0"),
        ({"epochs": 0}, "epochs must be at least 1; got 0"),
    ],
)
def test_runs_of_no_step_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        CONFIGS["digits"](**options)


def test_a_loss_that_is_no_number_stops_the_run(tmp_path, capsys):
    arguments = ["digits", "--epochs", "5", "--learning-rate", "1e30", "--out", str(tmp_path / "r")]
    assert main(arguments) == 1
    assert "in epoch 1: lower the learning rate" in capsys.readouterr().err


def test_no_latents_are_refused(capsys):
    assert main(["digits", "--latents", "0"]) == 1
    assert "latents must be at least 1; got 0" in capsys.readouterr().err
