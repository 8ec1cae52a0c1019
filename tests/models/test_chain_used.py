"""What a chain is used for: every bound, whichever prior, and moving one of its latents."""

from functools import partial

import jax.numpy as jnp
import numpy as np
import pytest
from chained import MODEL, chained
from two_layers import a, b, batch, log_evidence, w

from vae_jax import (
    Gaussian,
    Layered,
    elbo,
    evaluate,
    generate,
    iwae,
    sampled_elbo,
    sampled_rate,
)
from vae_jax.bounds import iwae_bound
from vae_jax.objectives import importance_weighted, weighted_sum


def test_a_replaced_prior_is_seen_by_every_bound(key):
    """And its latents are drawn by `generate.sample`: there is one prior."""
    params = chained()

    def program(given, draw):
        draw("z1", Gaussian(given + draw("z2", Gaussian(given, jnp.zeros(()))), jnp.zeros(())))

    shifted = MODEL._replace(
        prior=lambda params, c=None, key=None: Layered(jnp.array(9.0), program)
    )
    for bound in (
        lambda model: importance_weighted(model, iwae_bound(), num_draws=2)(
            params, key, batch(), 0
        )[0],
        lambda model: evaluate.elbos(model, params, key, batch(), rate=sampled_rate).value,
        lambda model: evaluate.log_likelihoods(model, params, key, batch(), num_samples=2).value,
        lambda model: generate.sample(model, params, key, 2),
    ):
        assert np.all(np.abs(bound(shifted) - bound(MODEL)) > 1)


def test_the_front_door_takes_it(key):
    params, x = chained(), batch()["x"][0]
    parts = (partial(getattr(MODEL, name), params) for name in ("encode", "decode"))
    arguments = (key, x, *parts, MODEL.prior(params))
    np.testing.assert_allclose(sampled_elbo(*arguments).value, log_evidence()[0], rtol=1e-5)
    np.testing.assert_allclose(iwae(*arguments, num_samples=2), log_evidence()[0], rtol=1e-5)
    with pytest.raises(TypeError, match=r"KL\(Layered \|\| Layered\).*`sampled_elbo`"):
        elbo(*arguments)
    with pytest.raises(TypeError, match="has none to scale"):
        generate.sample(MODEL, params, key, 2, temperature=0.5)


def test_the_closed_forms_of_the_layers_are_not_the_rate(key):
    """KL(q(z1|x) || p(z1|z2)) + KL(q(z2|z1) || p(z2)) would be off by nats: it is refused."""
    for rated in (
        lambda: weighted_sum(MODEL)(chained(), key, batch(), 0),
        lambda: evaluate.elbos(MODEL, chained(), key, batch()),
    ):
        with pytest.raises(TypeError, match=r"order \['z1', 'z2'\].*`sampled_rate` for `rate`"):
            rated()


def test_the_latents_below_follow_the_one_that_is_moved():
    """z2 moves x through z1, whose mean is a z2; alone, with z1 held, it would not."""
    params, values = chained(), np.array([-1.0, 0.0, 2.0])
    x = generate.traverse(MODEL, params, jnp.zeros(()), 0, values, latent="z1")
    np.testing.assert_allclose(x, values[:, None] * w + b, rtol=1e-5)
    x = generate.traverse(MODEL, params, jnp.zeros(()), 0, values, latent="z2")
    np.testing.assert_allclose(x, a * values[:, None] * w + b, rtol=1e-5)
    between = generate.interpolate(MODEL, params, jnp.array(-1.0), jnp.array(2.0), 3, latent="z2")
    np.testing.assert_allclose(between, a * np.array([[-1], [0.5], [2]]) * w + b, rtol=1e-5)
    for latent, message in ((None, "latent=None"), ("z3", r"latents \['z1', 'z2'\]; got \['z3'\]")):
        with pytest.raises(ValueError, match=message):
            generate.traverse(MODEL, params, jnp.zeros(()), 0, values, latent=latent)
