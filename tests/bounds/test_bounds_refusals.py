"""What is wrong in shape or kind is refused at the door, with the remedy."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as numpyro
import pytest

from vae_jax import (
    Bernoulli,
    Gaussian,
    Joint,
    Mixture,
    ciwae,
    elbo,
    iwae,
    log_likelihood,
    miwae,
    sampled_elbo,
    standard_gaussian,
)

_DIFFERENTIATED = {
    "elbo": elbo,
    "sampled_elbo": sampled_elbo,
    "iwae": lambda *args, num_samples=2: iwae(*args, num_samples=num_samples),
    "miwae": lambda *a, num_samples=2, m=2: miwae(*a, num_groups=m, num_samples=num_samples),
    "ciwae": lambda *args, num_samples=2: ciwae(*args, num_samples=num_samples, beta=0.5),
}
_BOUNDS = _DIFFERENTIATED | {
    "log_likelihood": lambda *args, num_samples=2: log_likelihood(*args, num_samples=num_samples)
}
_all_bounds = pytest.mark.parametrize("bound", _BOUNDS.values(), ids=_BOUNDS)
_differentiated = pytest.mark.parametrize("bound", _DIFFERENTIATED.values(), ids=_DIFFERENTIATED)


def _refused(error, match, bound, **wrong):
    """The bound of a good model [6] -> [2] -> [6], but for what is wrong; traced, not run."""
    good = {
        "key": jax.random.key(0),
        "x": jnp.zeros(6),
        "encode": lambda x: standard_gaussian(2),
        "decode": lambda z: Bernoulli(jnp.zeros(6)),
        "prior": standard_gaussian(2),
    }
    options = {name: wrong.pop(name) for name in list(wrong) if name not in good}
    with pytest.raises(error, match=match):
        bound(*(good | wrong).values(), **options)


def test_rank_promotion_raises():
    """The setting under which all tests run."""
    with pytest.raises(ValueError, match="rank_promotion"):
        jnp.zeros((2, 3)) + jnp.zeros(3)


@_all_bounds
def test_key(bound):
    typed = r"key must be a typed key, jax\.random\.key\(seed\), not the older PRNGKey; got"
    legacy = jax.random.key_data(jax.random.key(0))
    _refused(TypeError, typed + r" an array uint32\[2\]", bound, key=legacy)
    _refused(TypeError, typed + " int 0", bound, key=0)
    keys = jax.random.split(jax.random.key(0), 5)
    one = r"key must be one scalar key; got 5 of them.*jax\.vmap, or use vae_jax\.batched"
    _refused(ValueError, one, bound, key=keys)


@_all_bounds
def test_x(bound):
    match = r"x must be an array, or a tuple or dict of arrays; got list \[0"
    _refused(TypeError, match, bound, x=[0.0] * 6)
    _refused(TypeError, "x must be an array.*got NoneType", bound, x=None)
    _refused(TypeError, "x must be an array.*got tuple", bound, x=())


@_all_bounds
def test_num_samples(bound):
    _refused(ValueError, "num_samples must be at least 1; got 0", bound, num_samples=0)
    _refused(ValueError, "num_samples must be at least 1; got -3", bound, num_samples=-3)
    match = "num_samples must be a Python int of at least 1; got "
    _refused(TypeError, match + r"float 2\.0", bound, num_samples=2.0)
    _refused(TypeError, match + "bool True", bound, num_samples=True)
    _refused(TypeError, match + r"an array int32\[\]", bound, num_samples=jnp.array(2))


@_all_bounds
def test_encode_returns_a_distribution(bound):
    match = r"What encode\(x\) returns must be a vae_jax Distribution \(e\.g\. Gaussian.*got tuple"
    _refused(TypeError, match, bound, encode=lambda x: (jnp.zeros(2), jnp.zeros(2)))
    match = r"What encode\(x\) returns must be .*for another library's distribution, Foreign\("
    _refused(TypeError, match, bound, encode=lambda x: numpyro.Normal(jnp.zeros(2), 1.0))


@_all_bounds
def test_prior_is_a_distribution(bound):
    match = r"The prior must be a vae_jax Distribution .*Foreign\("
    _refused(TypeError, match, bound, prior=numpyro.Normal(jnp.zeros(2), 1.0))
    _refused(TypeError, "The prior must be .*got function", bound, prior=lambda: 0)


@_all_bounds
def test_decode_returns_a_distribution(bound):
    match = r"What decode\(z\) returns must be a vae_jax Distribution \(e\.g\. Gaussian.*got "
    _refused(TypeError, match + "an array", bound, decode=lambda z: jnp.zeros(6))
    match = r"What decode\(z\) returns must be .*Foreign\("
    _refused(TypeError, match, bound, decode=lambda z: numpyro.BernoulliLogits(jnp.zeros(6)))


@_all_bounds
def test_posterior_and_prior_over_one_event(bound):
    match = (
        r"encode\(x\) returns is over events of shape \[3\], the prior over events of shape \[2\]"
    )
    _refused(ValueError, match, bound, encode=lambda x: standard_gaussian(3))
    _refused(ValueError, r"of shape \[2\], the prior .* \[3\]", bound, prior=standard_gaussian(3))
    parts = Joint((standard_gaussian(2), standard_gaussian()))
    match = (
        r"of shape \[2\], the prior over events of shape \(\(2,\), \(\)\): they must be the same"
    )
    _refused(ValueError, match, bound, prior=parts)


@_all_bounds
def test_forgotten_vmap(bound):
    match = (
        r"events of shape \[5, 2\], the prior over events of shape \[2\]: they must be the same\."
        r" The bounds take one example: .*jax\.vmap, or use vae_jax\.batched"
    )
    _refused(
        ValueError,
        match,
        bound,
        x=jnp.zeros((5, 6)),
        encode=lambda x: standard_gaussian(5, 2),
    )
    match = r"events of shape \[6\], and x has shape \[5, 6\].*nothing is broadcast\. .*jax\.vmap"
    _refused(ValueError, match, bound, x=jnp.zeros((5, 6)))


@_all_bounds
def test_likelihood_of_another_shape_is_not_broadcast(bound):
    """Logits [28, 28, 1] broadcast against x [28, 28] to [28, 28, 28]: a silent wrong number."""
    match = r"events of shape \[28, 28, 1\], and x has shape \[28, 28\]: they must be the same"
    _refused(
        ValueError,
        match,
        bound,
        x=jnp.zeros((28, 28)),
        decode=lambda z: Bernoulli(jnp.zeros((28, 28, 1))),
    )
    match = r"of shape \(\(6,\), \(\)\), and x has shape \[6\]"
    both = Joint((standard_gaussian(6), standard_gaussian()))
    _refused(ValueError, match, bound, decode=lambda z: both)


@_all_bounds
def test_scale_of_another_shape(bound):
    match = r"log_scale has shape \(3,\), which is neither \[\] nor the shape of loc, \(2,\)"
    _refused(ValueError, match, bound, encode=lambda x: Gaussian(jnp.zeros(2), jnp.zeros(3)))


def _mixture(x):
    return Mixture(jnp.zeros(3), Gaussian(jnp.zeros((3, 2)), jnp.zeros((3, 2))))


@_differentiated
def test_posterior_is_reparameterized(bound):
    match = "Mixture, is not reparameterized: .*Use a reparameterized posterior .*log_likelihood"
    _refused(TypeError, match, bound, encode=_mixture)
    mixed = Joint((standard_gaussian(2), Bernoulli(jnp.zeros(2))))
    match = "Joint, is not reparameterized"
    _refused(TypeError, match, bound, encode=lambda x: mixed, prior=mixed)


def test_log_likelihood_needs_no_reparameterization(key):
    args = key, jnp.zeros(6), _mixture, lambda z: Bernoulli(jnp.zeros(6)), standard_gaussian(2)
    # The mixture is the prior, the likelihood ignores z.
    np.testing.assert_allclose(
        log_likelihood(*args, num_samples=2).value, -6 * np.log(2), rtol=1e-6
    )


def test_missing_closed_form_names_sampled_elbo():
    prior = Mixture(jnp.zeros(3), Gaussian(jnp.zeros((3, 2)), jnp.zeros((3, 2))))
    match = r"KL\(Gaussian \|\| Mixture\) has no closed form here.*`sampled_elbo` for `elbo`"
    _refused(TypeError, match, elbo, prior=prior)


@pytest.mark.parametrize("beta", [-0.1, 1.5, float("nan")])
def test_beta(beta):
    bound = lambda *args: ciwae(*args, num_samples=2, beta=beta)  # noqa: E731
    _refused(ValueError, r"beta must be in \[0, 1\]; got ", bound)


def test_num_groups():
    bound = _BOUNDS["miwae"]
    _refused(ValueError, "num_groups must be at least 1; got 0", bound, m=0)
    _refused(TypeError, r"num_groups must be a Python int .*got float 2\.0", bound, m=2.0)


def test_chunk_size():
    bound = lambda *args: log_likelihood(*args, num_samples=2, chunk_size=0)  # noqa: E731
    _refused(ValueError, "chunk_size must be at least 1; got 0", bound)


@pytest.mark.parametrize("bound", [_DIFFERENTIATED["elbo"], _BOUNDS["log_likelihood"]])
def test_refused_inside_a_transformation_too(bound, key):
    """The checks are static: the same text while tracing under jit and vmap."""
    decode, prior = lambda z: Bernoulli(jnp.zeros((6, 1))), standard_gaussian(2)

    @jax.jit
    @jax.vmap
    def each(key, x):
        return bound(key, x, lambda x: prior, decode, prior)

    with pytest.raises(ValueError, match=r"events of shape \[6, 1\], and x has shape \[6\]"):
        each(jax.random.split(key, 3), jnp.zeros((3, 6)))
