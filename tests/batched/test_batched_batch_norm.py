"""Networks with BatchNorm, which need the whole batch, and modules that update their state."""

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from vae_jax import Gaussian, batched, elbo, standard_gaussian

_XS = 2 + 3 * jax.random.normal(jax.random.key(1), (6, 4))
_PRIOR = standard_gaussian(4)


def _normalised(x):
    """BatchNorm in numpy, over the batch [B, D], with its epsilon."""
    return (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5)


def test_batched_sees_the_batch_and_vmap_does_not(key):
    """q(z|x) = N(BatchNorm(x), 0.1^2). Under vmap(elbo) a batch is one example, its mean is the
    example, its variance is 0, and the posterior ignores x: nothing raises."""
    norm = flax.linen.BatchNorm(use_running_average=False)
    variables = norm.init(key, _XS)

    def normalise(x):
        return norm.apply(variables, x, mutable=["batch_stats"])[0]

    locations = []

    def encode(x):
        q = Gaussian(normalise(x), jnp.full(x.shape, jnp.log(0.1)))
        jax.debug.callback(lambda loc: locations.append(np.asarray(loc)), q.loc)
        return q

    def decode(z):
        return Gaussian(z, jnp.zeros(z.shape))

    bound = jax.jit(lambda: batched.elbo(key, _XS, encode, decode, _PRIOR))()
    by_hand = _normalised(np.asarray(_XS, np.float64))
    jax.effects_barrier()
    np.testing.assert_allclose(locations.pop(), by_hand, rtol=1e-5, atol=1e-5)
    rate = 0.5 * np.sum(0.01 - 1 - np.log(0.01) + by_hand**2, axis=1)
    np.testing.assert_allclose(bound.rate, rate, rtol=1e-5)
    assert np.std(bound.rate) > 0.1  # the posterior depends on x
    # E_q -log N(x; z, I), of one draw: its standard deviation is 0.1 |x - loc|, and a little
    expected = 0.5 * np.sum((_XS - by_hand) ** 2 + 0.01 + np.log(2 * np.pi), axis=1)
    sd = np.sqrt(0.01 * np.sum((_XS - by_hand) ** 2, axis=1) + 2 * 0.01**2)
    assert np.all(np.abs(bound.distortion - expected) < 4.5 * sd)

    args = key, _XS, encode, decode, _PRIOR
    weighted = jax.jit(lambda: batched.iwae(*args, num_samples=2))()
    log_p = jax.jit(lambda: batched.log_likelihood(*args, num_samples=2, chunk_size=1))()
    jax.effects_barrier()
    np.testing.assert_allclose(np.stack(locations), [by_hand] * 2, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(log_p.value, weighted, rtol=1e-5)  # of the same two draws
    locations.clear()

    keys = jax.random.split(key, len(_XS))
    one_by_one = jax.jit(jax.vmap(lambda k, x: elbo(k, x, encode, decode, _PRIOR)))(keys, _XS)
    jax.effects_barrier()
    assert len(locations) == len(_XS)
    assert np.std(np.stack(locations), axis=0).max() == 0
    assert np.std(one_by_one.rate) == 0


class _Net(nnx.Module):
    """A linear layer behind BatchNorm."""

    def __init__(self, rngs):
        self.norm = nnx.BatchNorm(4, momentum=0.9, rngs=rngs)
        self.linear = nnx.Linear(4, 4, rngs=rngs)

    def __call__(self, x):
        y = self.linear(self.norm(x))
        return jax.vmap(Gaussian)(y, jnp.full(y.shape, -1.0))


def _expected_statistics(x):
    """Of one update from mean 0 and variance 1 with momentum 0.9."""
    x = np.asarray(x, np.float64)
    return 0.1 * x.mean(0), 0.9 + 0.1 * x.var(0)


@pytest.mark.parametrize("num_samples", [1, 3])
def test_modules_update_their_state_once(num_samples, key):
    """Encoder and decoder are each called once, the decoder with all K * B draws; under jit."""
    rngs = nnx.Rngs(0)
    graph, state = nnx.split((_Net(rngs), _Net(rngs)))
    calls = []

    @jax.jit
    def value(state):
        encoder, decoder = nnx.merge(graph, state)
        decoded = []

        def decode(z):
            decoded.append(z)
            return decoder(z)

        bound = batched.elbo(key, _XS, encoder, decode, _PRIOR, num_samples=num_samples)
        calls.append(len(decoded))
        return bound.value, decoded[0], nnx.state((encoder, decoder), nnx.BatchStat)

    bound, z, statistics = value(state)
    assert bound.shape == (6,)
    assert np.all(np.isfinite(bound))
    assert calls == [1]
    assert z.shape == (num_samples * 6, 4)
    for of, rows in enumerate((_XS, z)):
        mean, var = _expected_statistics(rows)
        norm = statistics[of]["norm"]
        np.testing.assert_allclose(norm["mean"][...], mean, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(norm["var"][...], var, rtol=1e-5)


def test_log_likelihood_with_running_averages(key):
    """In evaluation a module is a function of one example: the batch does not matter."""
    rngs = nnx.Rngs(0)
    encoder, decoder = _Net(rngs), _Net(rngs)
    for net in (encoder, decoder):
        net.eval()
    args = encoder, decoder, _PRIOR
    estimate = jax.jit(
        lambda x: batched.log_likelihood(key, x, *args, num_samples=4, chunk_size=3).value
    )
    other = _XS.at[3:].add(1.0)
    np.testing.assert_allclose(estimate(other)[:3], estimate(_XS)[:3], rtol=1e-6)
    assert np.all(estimate(other)[3:] != estimate(_XS)[3:])


def test_nnx_module_is_trained_through_batched(key):
    """The gradient through the statistics of the batch: for the layer under BatchNorm it is 0."""

    class Below(nnx.Module):
        def __init__(self, rngs):
            self.shift = nnx.Param(jnp.ones(4))
            self.net = _Net(rngs)

        def __call__(self, x):
            return self.net(x + self.shift[...][None])

    graph, params, rest = nnx.split(Below(nnx.Rngs(0)), nnx.Param, ...)

    def loss(params):
        encoder = nnx.merge(graph, params, rest, copy=True)  # its state changes inside grad
        decode = jax.vmap(lambda z: Gaussian(z, jnp.zeros(4)))
        return -jnp.mean(batched.elbo(key, _XS, encoder, decode, _PRIOR).value)

    gradient = jax.jit(jax.grad(loss))(params)
    # BatchNorm subtracts any shift; the sums that cancel are of size 10
    np.testing.assert_allclose(gradient["shift"][...], 0, atol=1e-5)
    assert np.all(np.abs(gradient["net"]["linear"]["kernel"][...]) > 1e-4)
