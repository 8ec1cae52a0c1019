"""What a body reads of events that are not fit to be read."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from vae_jax import descend, standard_gaussian, train_epoch, vae, weighted_sum
from vae_jax.networks import (
    MLP,
    CategoricalHead,
    GaussianHead,
    Network,
    PoissonHead,
    centred,
    log1p,
    one_hot,
)

RNG = np.random.default_rng(0)
EVENTS = {
    "bytes": (RNG.integers(0, 256, (20, 4, 4, 1)).astype(np.uint8), centred(127.5, 127.5)),
    "counts": (RNG.poisson(np.geomspace(1, 1e4, 12), (20, 12)).astype(np.int32), log1p),
    "classes": (RNG.integers(0, 256, (20, 3)).astype(np.uint8), one_hot(256)),
}
HEADS = {
    "bytes": CategoricalHead((4, 4, 1), 256),
    "counts": PoissonHead((12,)),
    "classes": CategoricalHead((3,), 256),
}


def first_epoch(name, preprocess):
    x = EVENTS[name][0]
    encoder = Network(MLP((8,)), GaussianHead((2,)), preprocess=preprocess)
    model = vae(encoder, Network(MLP((8,)), HEADS[name]), standard_gaussian(2))
    step = descend(weighted_sum(model), optax.adam(1e-2))
    state = step.init(jax.random.key(0), model.init(jax.random.key(1), x[0]))
    return train_epoch(step, state, {"x": x}, batch_size=5)


@pytest.mark.parametrize("name", EVENTS)
def test_integers_train_from_the_first_step(name):
    state, metrics = first_epoch(name, EVENTS[name][1])
    assert metrics["rate"][0] < 1e3  # nats
    for tree in (state.params, metrics):
        assert all(jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(tree))


def test_what_happens_to_counts_that_are_read_as_they_are():
    """The rate of the first step is beyond float32, or of no use."""
    _, metrics = first_epoch("counts", None)
    assert not metrics["rate"][0] < 1e6


def test_what_is_read():
    x = np.array([0, 127, 255], np.uint8)
    np.testing.assert_allclose(centred(127.5, 127.5)(x), [-1, -0.5 / 127.5, 1], rtol=1e-6)
    np.testing.assert_allclose(log1p({"a": x})["a"], np.log1p(x.astype(float)), rtol=1e-6)
    assert centred(1.0, 2.0) is centred(1.0, 2.0)
    assert one_hot(3) is one_hot(3)
    with pytest.raises(ValueError, match="scale=0, and needs one above 0"):
        centred(0, 0)


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.float32])
def test_indicators_of_what_is_no_class_are_nan(dtype):
    """But for a missing one that is declared."""
    labels = np.array([[2, 0, 1], [-1, 3, -2]], dtype)
    plain, declared = one_hot(3)(labels), one_hot(3, missing=True)(labels)
    for made in (plain, declared):
        np.testing.assert_array_equal(made[0], np.eye(3)[[2, 0, 1]])
        assert np.all(np.isnan(made[1, 1:]))
    assert np.all(np.isnan(plain[1, 0]))
    np.testing.assert_array_equal(declared[1, 0], np.zeros(3))


def test_bytes_may_have_more_classes_than_there_are_bytes():
    made = one_hot(300)(np.array([44, 255], np.uint8))
    np.testing.assert_array_equal(np.nonzero(made), [[0, 1], [44, 255]])


def test_a_network_can_be_asked_behind_its_preprocessing():
    """As learned inputs are: they are where the body reads, and not events."""
    x = EVENTS["bytes"][0][0]
    network = Network(MLP((8,)), GaussianHead((2,)), preprocess=centred(127.5, 127.5))
    variables = network.init(jax.random.key(0), x)
    behind = network.apply(variables, network.preprocess(x), method="behind")
    np.testing.assert_array_equal(behind.loc, network.apply(variables, x).loc)
    plain = Network(MLP((8,)), GaussianHead((2,))).apply(variables, network.preprocess(x))
    np.testing.assert_array_equal(behind.loc, plain.loc)
