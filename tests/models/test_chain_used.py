"""What a chain is used for: every bound, whichever prior, and moving one of its latents."""

from functools import partial

import jax.numpy as jnp
import numpy as np
import pytest
from affine import Affine
from chained import MODEL, chained
from two_layers import a, b, batch, log_evidence, w

from vae_jax import (
    Distribution,
    Gaussian,
    Joint,
    Layered,
    elbo,
    evaluate,
    generate,
    iwae,
    sampled_elbo,
    sampled_rate,
    standard_gaussian,
    vae,
)
from vae_jax.bounds import iwae_bound
from vae_jax.models import with_prior, with_vamp_prior
from vae_jax.objectives import importance_weighted, weighted_sum

FLAT = standard_gaussian()


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
    for latent, message in ((None, "latent=None"), ("z3", "latents are z1, z2; got 'z3'")):
        with pytest.raises(ValueError, match=message):
            generate.traverse(MODEL, params, jnp.zeros(()), 0, values, latent=latent)


def test_of_a_prior_without_layers_the_rest_is_at_its_mean():
    """Independent latents: one that is moved does not move the other."""
    params, values = chained(), np.array([-1.0, 2.0])
    joint = with_prior(MODEL, Joint({"z1": Gaussian(jnp.array(0.7), jnp.zeros(())), "z2": FLAT}))
    vamp = with_vamp_prior(MODEL, lambda key, x: jnp.stack([x, 2 * x]))
    given = {**params, "prior": {"inputs": batch()["x"]}}
    moved = generate.traverse(joint, params, jnp.zeros(()), 0, values, latent="z1")
    np.testing.assert_allclose(moved, values[:, None] * w + b, rtol=1e-5)
    still = generate.traverse(joint, params, jnp.zeros(()), 0, values, latent="z2")
    np.testing.assert_allclose(still, np.tile(0.7 * w + b, (2, 1)), rtol=1e-5)
    between = generate.interpolate(joint, params, jnp.array(0.0), jnp.array(1.0), 2, latent="z1")
    np.testing.assert_allclose(between, np.array([[0], [1]]) * w + b, rtol=1e-5, atol=1e-6)
    still = generate.traverse(vamp, given, jnp.zeros(()), 0, values, latent="z2")
    z1 = vamp.prior(given).mean()["z1"]
    np.testing.assert_allclose(still, np.tile(z1 * w + b, (2, 1)), rtol=1e-5)
    with pytest.raises(ValueError, match="latents are z1, z2; got 'z3'"):
        generate.traverse(joint, params, jnp.zeros(()), 0, values, latent="z3")


class NoMean(Gaussian):
    """As a flow is."""

    def mean(self):
        return Distribution.mean(self)


def test_what_has_no_mean_is_drawn_with_the_key_alone(key):
    """The latents that follow: all places of a row from one draw of them."""
    params, values = chained(), np.array([-1.0, 2.0])

    def downward(given, draw):
        draw("z1", NoMean(draw("z2", FLAT) + given, jnp.zeros(())))

    layered = lambda params, c=None, key=None: Layered(jnp.zeros(()), downward)  # noqa: E731
    for model, moves in (
        (MODEL._replace(prior=layered), True),
        (with_prior(MODEL, Joint({"z1": NoMean(jnp.zeros(()), jnp.zeros(())), "z2": FLAT})), False),
    ):
        z = jnp.zeros(())
        x = generate.traverse(model, params, z, 0, values, latent="z2", key=key)
        np.testing.assert_allclose(x[1] - x[0], 3 * w * moves, rtol=1e-4, atol=1e-6)
        assert np.all(np.abs(x[0] + w * moves - b) > 1e-3)  # not at 0, the location of z1
        with pytest.raises(TypeError, match="NoMean has no mean"):
            generate.traverse(model, params, z, 0, values, latent="z2")


@pytest.mark.parametrize("latent", ["z1", None])
def test_a_latent_of_another_size_is_refused(latent):
    model = MODEL if latent else vae(*2 * [Affine((3,))], standard_gaussian(3))
    params = chained() if latent else {}
    own = r"z1 is of \(\)" if latent else r"z is of \(3,\)"
    message = rf"z is of the shape \(2,\); the model's {own}"
    with pytest.raises(ValueError, match=message):
        generate.traverse(model, params, [0.0, 1.0], 0, [1.0], latent=latent)
    with pytest.raises(ValueError, match=message):
        generate.interpolate(model, params, [0.0, 1.0], [1.0, 0.0], 2, latent=latent)
