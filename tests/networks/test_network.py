"""Networks: a body, a head, a condition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from vae_jax.distributions import Bernoulli
from vae_jax.networks import (
    MLP,
    BernoulliHead,
    ConvDecoder,
    ConvEncoder,
    GaussianHead,
    Network,
    group_norm,
    one_hot,
)

X = jax.random.normal(jax.random.key(1), (7, 7, 1))
PLAIN = Network(MLP((5,)), GaussianHead((2,)))


def test_a_network_is_the_head_of_the_body():
    params = jax.jit(PLAIN.init)(jax.random.key(0), X)
    assert set(params["params"]) == {"body", "head"}
    features = MLP((5,)).apply({"params": params["params"]["body"]}, X)
    expected = GaussianHead((2,)).apply({"params": params["params"]["head"]}, features)
    np.testing.assert_array_equal(PLAIN.apply(params, X).loc, expected.loc)
    np.testing.assert_array_equal(PLAIN.apply(params, X).log_scale, expected.log_scale)


def test_a_label_reaches_the_body_as_its_indicator():
    network = Network(MLP((5,)), GaussianHead((2,)), embed=one_hot(3))
    params = jax.jit(network.init)(jax.random.key(0), X, 2)
    vector = Network(MLP((5,)), GaussianHead((2,)), embed=lambda c: c)
    indicator = jnp.array([0.0, 0.0, 1.0])
    given = network.apply(params, X, 2).loc
    np.testing.assert_array_equal(given, vector.apply(params, X, indicator).loc)
    assert np.max(np.abs(given - network.apply(params, X, 1).loc)) > 1e-3


def test_a_learned_embedding_has_parameters_of_its_own():
    network = Network(MLP((5,)), GaussianHead((2,)), embed=nn.Embed(3, 4))
    params = jax.jit(network.init)(jax.random.key(0), X, jnp.array(2))
    assert params["params"]["embed"]["embedding"].shape == (3, 4)
    assert params["params"]["body"]["Dense_0"]["kernel"].shape == (49 + 4, 5)


@pytest.mark.parametrize("c", [-1, -3, 3, 200])
def test_labels_out_of_range_are_no_rows_of_a_table(c):
    """Nor counted from its end."""
    network = Network(MLP((5,)), GaussianHead((2,)), embed=nn.Embed(3, 4))
    params = jax.jit(network.init)(jax.random.key(0), X, jnp.array(2))
    assert np.all(np.isnan(network.apply(params, X, jnp.array(c)).loc))
    assert np.all(np.isfinite(network.apply(params, X, jnp.array(0)).loc))


def test_any_module_of_one_argument_is_a_body():
    network = Network(nn.Dense(5), GaussianHead((2,)))
    q = network.apply(jax.jit(network.init)(jax.random.key(0), X.ravel()), X.ravel())
    assert q.loc.shape == (2,)


def test_a_condition_without_embed_is_refused():
    with pytest.raises(
        ValueError, match=r"takes no condition: give it embed=\.\.\., or leave c out"
    ):
        jax.jit(PLAIN.init)(jax.random.key(0), X, 3)


def test_embed_without_a_condition_is_refused():
    with pytest.raises(ValueError, match=r"needs a condition: pass c, or leave embed out"):
        Network(MLP((5,)), GaussianHead((2,)), embed=one_hot(3)).init(jax.random.key(0), X)


def test_networks_made_alike_are_equal_and_hashable():
    def make():
        return Network(MLP((5,), norm=group_norm(5)), GaussianHead((2,)), embed=one_hot(3))

    assert make() == make()
    assert hash(make()) == hash(make())
    assert one_hot(3) is one_hot(3)
    np.testing.assert_array_equal(one_hot(3)(jnp.array(1)), [0, 1, 0])


def test_a_convolutional_pair_in_a_jitted_batch_has_finite_gradients_everywhere():
    norm, embed = group_norm(2), one_hot(3)
    encoder = Network(ConvEncoder((4, 4), norm=norm), GaussianHead((2,)), embed)
    decoder = Network(ConvDecoder((7, 7), (4, 4), norm=norm), BernoulliHead((7, 7, 1)), embed)
    x = jnp.stack([jnp.zeros((7, 7, 1)), jnp.ones((7, 7, 1)), X > 0])  # constant images too
    c = jnp.arange(3)

    @jax.jit
    def init():
        return encoder.init(jax.random.key(0), x[0], 0), decoder.init(
            jax.random.key(2), jnp.ones(2), 0
        )

    @jax.jit
    @jax.grad
    def gradient(params):
        def log_lik(x, c, key):
            z = encoder.apply(params[0], x, c).sample(key)
            p_x = decoder.apply(params[1], z, c)
            assert type(p_x) is Bernoulli
            return p_x.log_prob(x)

        return jax.vmap(log_lik)(x, c, jax.random.split(jax.random.key(3), 3)).mean()

    for path, leaf in jax.tree_util.tree_leaves_with_path(gradient(init())):
        assert np.all(np.isfinite(leaf)), path
        assert np.any(leaf != 0), path


def test_dropout_noise_enters_by_its_key():
    network = Network(MLP((50,), dropout=0.5), GaussianHead((2,)))
    params = jax.jit(network.init)(jax.random.key(0), X)
    evaluation = network.apply(params, X).loc
    np.testing.assert_array_equal(network.apply(params, X).loc, evaluation)
    keys = jax.random.split(jax.random.key(2), 2)
    noisy = jax.vmap(lambda key: network.apply(params, X, rngs={"dropout": key}).loc)(keys)
    assert not np.allclose(noisy[0], noisy[1])
    assert not np.allclose(noisy[0], evaluation)
