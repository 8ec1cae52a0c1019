"""The VAE record of two networks, and a pass through it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from vae_jax import Bernoulli, Gaussian, standard_gaussian, vae
from vae_jax.models import learned, log_posterior, log_prior, trace
from vae_jax.networks import MLP, BernoulliHead, GaussianHead, Network, one_hot

X = jnp.array([1.0, 0.0, 1.0])
ENCODER = Network(MLP((3,)), GaussianHead((2,)))
DECODER = Network(MLP((3,)), BernoulliHead((5,)))


def make(*, dropout=0.0, embed=None, event=(3,), prior=None):
    body = MLP((4,), dropout=dropout)
    encoder = Network(body, GaussianHead((2,)), embed)
    decoder = Network(body, BernoulliHead(event), embed)
    return vae(encoder, decoder, standard_gaussian(2) if prior is None else prior)


@pytest.fixture(scope="module")
def plain():
    model = make()
    return model, model.init(jax.random.key(0), X)


def test_the_groups_are_the_two_modules_parameters(plain):
    model, params = plain
    assert set(params) == {"encoder", "decoder"}
    assert set(params["encoder"]) == set(params["decoder"]) == {"body", "head"}
    assert params["decoder"]["body"]["Dense_0"]["kernel"].shape == (2, 4)  # from z, not from x
    assert params["decoder"]["head"]["logits"]["kernel"].shape == (4, 3)
    assert learned({**params, "state": 0}) == params
    same, other = model.init(jax.random.key(0), X), model.init(jax.random.key(1), X)
    jax.tree.map(np.testing.assert_array_equal, params, same)
    for group in params:  # each group is drawn from the key
        kernels = (tree[group]["body"]["Dense_0"]["kernel"] for tree in (params, other))
        assert not np.array_equal(*kernels)


def test_the_functions_are_the_modules(plain):
    model, params = plain
    q, likelihood = model.encode(params, X), model.decode(params, jnp.ones(2))
    assert type(q) is Gaussian
    assert type(likelihood) is Bernoulli
    network = Network(MLP((4,)), GaussianHead((2,)))
    np.testing.assert_array_equal(q.loc, network.apply({"params": params["encoder"]}, X).loc)
    np.testing.assert_array_equal(model.prior(params).loc, jnp.zeros(2))


def test_a_condition_reaches_encoder_and_decoder():
    model = make(embed=one_hot(3))
    params = model.init(jax.random.key(0), X, 1)
    locs = [model.encode(params, X, c).loc for c in (0, 1)]
    logits = [model.decode(params, jnp.ones(2), c).logits for c in (0, 1)]
    assert not np.allclose(*locs)
    assert not np.allclose(*logits)
    t = trace(model, params, jax.random.key(1), X, 1)
    np.testing.assert_array_equal(t.q.loc, locs[1])
    np.testing.assert_array_equal(t.likelihood.logits, model.decode(params, t.z, 1).logits)


def test_dropout_takes_its_noise_from_the_key():
    model = make(dropout=0.5)
    params = model.init(jax.random.key(0), X)
    for function, value in ((model.encode, X), (model.decode, jnp.ones(2))):

        def mean(seed, function=function, value=value):
            key = None if seed is None else jax.random.key(seed)
            return np.asarray(function(params, value, None, key).mean())

        np.testing.assert_array_equal(mean(None), mean(None))
        np.testing.assert_array_equal(mean(1), mean(1))
        noisy = [mean(seed) for seed in range(8)]  # of 4 units: 16 masks
        assert len({tuple(m) for m in noisy}) > 1
        assert any(not np.array_equal(m, mean(None)) for m in noisy)


def test_encoder_and_decoder_do_not_share_dropout_noise():
    """Two bodies alike, given alike: what they drop must differ under some key."""

    class Seen(nn.Module):
        @nn.compact
        def __call__(self, x, c=None):
            ones = nn.Dropout(0.5, deterministic=not self.has_rng("dropout"))(jnp.ones(8))
            return Gaussian(ones, jnp.zeros(8))

    model = vae(Seen(), Seen(), standard_gaussian(8))

    def masks(seed):
        noise = jax.random.key(seed)
        t = trace(model, {"encoder": {}, "decoder": {}}, noise, jnp.ones(8), noise=noise)
        return t.q.loc, t.likelihood.loc

    q, likelihood = jax.vmap(masks)(jnp.arange(20))
    # 160 pairs of fair coins agree in half of the cases, standard error 0.04
    assert abs(np.mean(q == likelihood) - 0.5) < 4.5 * 0.04


def test_a_trace_is_encode_prior_and_decode(plain):
    model, params = plain
    key = jax.random.key(3)
    t = trace(model, params, key, X)
    q = model.encode(params, X)
    z = q.sample(key)
    np.testing.assert_array_equal(t.z, z)
    np.testing.assert_array_equal(t.likelihood.logits, model.decode(params, z).logits)
    np.testing.assert_allclose(log_posterior(t), q.log_prob(z), rtol=1e-6)
    np.testing.assert_array_equal(log_prior(t), model.prior(params).log_prob(z))
    assert t.state is None


def test_a_trace_given_z_has_its_densities_and_draws_nothing(plain):
    model, params = plain
    z = jnp.array([0.3, -2.0])
    first, second = (trace(model, params, jax.random.key(seed), X, z=z) for seed in (0, 1))
    jax.tree.map(np.testing.assert_array_equal, first, second)
    np.testing.assert_array_equal(first.z, z)
    np.testing.assert_array_equal(log_posterior(first), model.encode(params, X).log_prob(z))
    np.testing.assert_array_equal(first.likelihood.logits, model.decode(params, z).logits)


def refused(model, x=X):
    params = jax.eval_shape(model.init, jax.random.key(0), x)
    jax.eval_shape(lambda params: trace(model, params, jax.random.key(0), x), params)


def test_a_posterior_that_is_not_over_the_priors_events_is_refused():
    with pytest.raises(ValueError, match=r"events of shape \[2\], the prior over .* \[3\]"):
        refused(make(prior=standard_gaussian(3)))
    with pytest.raises(ValueError, match=r"events of shape \[2\], the prior over .* \[1\]"):
        refused(make(prior=standard_gaussian(1)))  # which would broadcast


@pytest.mark.parametrize("event", [(3, 1), (1,), ()])
def test_a_likelihood_that_is_not_over_the_shape_of_x_is_refused(event):
    with pytest.raises(ValueError, match=r"over events of shape .*, and x has shape \[3\]"):
        refused(make(event=event))


def test_what_is_no_distribution_is_refused():
    class Mean(nn.Module):
        @nn.compact
        def __call__(self, z, c=None):
            return nn.Dense(3)(z)

    with pytest.raises(TypeError, match=r"What decode\(z\) returns must be a .* Distribution"):
        refused(vae(Network(MLP((4,)), GaussianHead((2,))), Mean(), standard_gaussian(2)))
    encoder = Network(MLP((4,)), GaussianHead((2,)))
    with pytest.raises(TypeError, match="The prior, where it is no Distribution, must be"):
        refused(vae(encoder, encoder, jnp.zeros(2)), jnp.ones(2))


@pytest.mark.parametrize(
    ("encoder", "decoder", "size", "error", "match"),
    [
        (ENCODER, DECODER, 9, ValueError, r"prior over events of shape \[9\]"),
        (MLP((3,)), DECODER, 2, TypeError, "encode.* must be a vae_jax Distribution"),
        (ENCODER, MLP((3,)), 2, TypeError, "decode.* must be a vae_jax Distribution"),
        (ENCODER, Network(MLP((3,)), BernoulliHead((7,))), 2, ValueError, "x has shape"),
    ],
    ids=["prior", "encoder", "decoder", "likelihood"],
)
def test_init_refuses_parts_that_do_not_fit(encoder, decoder, size, error, match):
    with pytest.raises(error, match=match):
        vae(encoder, decoder, standard_gaussian(size)).init(jax.random.key(0), jnp.zeros(5))
