"""The bounds with everybody's networks, under every transformation."""

import flax.linen
import jax
import jax.numpy as jnp
import linear_gaussian as lg
import numpy as np
import numpyro.distributions as numpyro
import optax
import pytest
from flax import nnx

from vae_jax import Bernoulli, Foreign, Gaussian, elbo, iwae, sampled_elbo, standard_gaussian

_XS = jnp.asarray(lg.X, jnp.float32)
_PARAMS = lg.params(shift=0.5, width=1.3)


def _linen(params):
    enc, dec = params["encoder"], params["decoder"]
    encoder = {"params": {"kernel": enc["A"].T, "bias": enc["c"]}}
    decoder = {"params": {"kernel": dec["W"].T, "bias": dec["b"]}}
    return (
        lambda x: Gaussian(flax.linen.Dense(2).apply(encoder, x), enc["log_scale"]),
        lambda z: Gaussian(flax.linen.Dense(4).apply(decoder, z), dec["log_scale"]),
    )


class _Linear(nnx.Module):
    def __init__(self, kernel, bias, log_scale):
        out, into = kernel.shape
        self.linear = nnx.Linear(into, out, rngs=nnx.Rngs(0))
        self.linear.kernel = nnx.Param(kernel.T)
        self.linear.bias = nnx.Param(bias)
        self.log_scale = nnx.Param(log_scale)

    def __call__(self, x):
        return Gaussian(self.linear(x), self.log_scale[...])


def _nnx(params):
    enc, dec = params["encoder"], params["decoder"]
    encoder = nnx.split(_Linear(enc["A"], enc["c"], enc["log_scale"]))
    decoder = nnx.split(_Linear(dec["W"], dec["b"], dec["log_scale"]))
    return lambda x: nnx.merge(*encoder)(x), lambda z: nnx.merge(*decoder)(z)


def _draw(distribution, key):
    return distribution.sample(key)


def _numpyro(params):
    encode, decode, _ = lg.model(params)

    def foreign(q):
        scale = jnp.broadcast_to(jnp.exp(q.log_scale), q.loc.shape)
        return Foreign(numpyro.Normal(q.loc, scale), _draw, differentiable=True)

    return lambda x: foreign(encode(x)), lambda z: foreign(decode(z))


def _plain(params):
    return lg.model(params)[:2]


def _values(networks, params, keys):
    """Per example: the sampled ELBO, the IWAE with the score-free gradient, and gradients."""

    def loss(params, key, x):
        encode, decode = networks(params)
        prior = lg.model(params)[2]
        bound = sampled_elbo(key, x, encode, decode, prior)
        tighter = iwae(key, x, encode, decode, prior, num_samples=3, score_free=True)
        return bound.value + tighter, (bound, tighter)

    each = jax.vmap(jax.value_and_grad(loss, has_aux=True), in_axes=(None, 0, 0))
    return each(params, keys, _XS)


@pytest.fixture(scope="module")
def expected():
    keys = jax.random.split(jax.random.key(0), 3)
    return jax.jit(lambda p: _values(_plain, p, keys))(_PARAMS)


@pytest.mark.parametrize("networks", [_linen, _nnx, _numpyro])
def test_anyones_networks_give_the_same_numbers(networks, expected):
    """Under jit, grad and vmap. numpyro's Normal draws loc + scale * normal(key), as ours does."""
    keys = jax.random.split(jax.random.key(0), 3)
    ours = jax.jit(lambda p: _values(networks, p, keys))(_PARAMS)
    for one, other in zip(jax.tree.leaves(ours), jax.tree.leaves(expected), strict=True):
        # gradients are of size 10, log-weights of terms of size 10: ten roundings
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-5)
        assert np.all(np.std(other, axis=0) > 0)  # each example its own number


def test_no_transformation_and_all_of_them_give_the_same_number(key):
    def value(key, x):
        return elbo(key, x, *lg.model(_PARAMS), num_samples=2).value

    keys = jax.random.split(key, 3)
    one_by_one = [value(k, x) for k, x in zip(keys, _XS, strict=True)]
    in_scan = jax.lax.scan(lambda c, kx: (c, value(*kx)), None, (keys, _XS))[1]
    np.testing.assert_allclose(in_scan, one_by_one, rtol=1e-6)
    np.testing.assert_allclose(jax.jit(jax.vmap(value))(keys, _XS), one_by_one, rtol=1e-6)


class _Encoder(nnx.Module):
    def __init__(self, rngs):
        self.hidden, self.out = nnx.Linear(8, 16, rngs=rngs), nnx.Linear(16, 4, rngs=rngs)

    def __call__(self, x):
        return Gaussian(*jnp.split(self.out(nnx.tanh(self.hidden(x))), 2))


class _Decoder(nnx.Module):
    def __init__(self, rngs):
        self.hidden, self.out = nnx.Linear(2, 16, rngs=rngs), nnx.Linear(16, 8, rngs=rngs)

    def __call__(self, z):
        return Bernoulli(self.out(nnx.tanh(self.hidden(z))))


def test_nnx_modules_train(key):
    """Two kinds of images of 8 pixels, each with a tenth of its pixels flipped: the best possible
    loss is log 2 + 8 H(0.1) = 3.29 nats, that of independent fair pixels 8 log 2 = 5.55."""
    kind_key, flip_key, train_key = jax.random.split(key, 3)
    kinds = jax.random.bernoulli(kind_key, shape=(256, 1))
    flips = jax.random.bernoulli(flip_key, 0.1, (256, 8))
    data = ((jnp.arange(8)[None] < 4) ^ kinds ^ flips).astype(jnp.float32)
    rngs = nnx.Rngs(0)
    static, params = nnx.split((_Encoder(rngs), _Decoder(rngs)))
    optimizer = optax.adam(1e-2)

    def loss(params, key):
        encoder, decoder = nnx.merge(static, params)
        value = lambda k, x: elbo(k, x, encoder, decoder, standard_gaussian(2)).value  # noqa: E731
        return -jnp.mean(jax.vmap(value)(jax.random.split(key, len(data)), data))

    def step(state, key):
        params, opt_state = state
        value, gradient = jax.value_and_grad(loss)(params, key)
        updates, opt_state = optimizer.update(gradient, opt_state)
        return (optax.apply_updates(params, updates), opt_state), value

    state = params, optimizer.init(params)
    _, losses = jax.jit(lambda s, k: jax.lax.scan(step, s, k))(
        state, jax.random.split(train_key, 300)
    )
    assert losses[0] > 5.3
    last = np.asarray(losses[-50:])
    assert last.mean() + 5 * last.std() / np.sqrt(50) < 4.2
    assert last.mean() > 3.1  # no better than the truth, within the sampling of 256 images
