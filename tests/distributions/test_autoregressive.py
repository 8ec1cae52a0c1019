"""Densities of one value after the other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from every import CHAIN, DRIFT, normal, told

from vae_jax import (
    Autoregressive,
    Bernoulli,
    Categorical,
    Flowed,
    Gaussian,
    Joint,
    Masked,
    Mixture,
    elbo,
    flows,
)
from vae_jax.distributions import standard_gaussian
from vae_jax.distributions.means import mean_or_draw, read_as

BITS = jnp.array([[1.0, 0.0], [1.0, 1.0]])


def test_the_density_is_the_product_of_the_conditionals():
    kernel, bias = CHAIN.given["kernel"], CHAIN.given["bias"]
    x, expected = np.ravel(BITS), 0.0
    for t in range(4):
        logit = bias[t] + sum(kernel[t, s] * x[s] for s in range(t))
        expected += -np.logaddexp(0, -logit if x[t] else logit)
    np.testing.assert_allclose(CHAIN.log_prob(BITS), expected, rtol=1e-5)
    factors = CHAIN.log_prob_factors(BITS)
    assert factors.shape == (2, 2)
    np.testing.assert_allclose(factors.sum(), expected, rtol=1e-5)
    assert not CHAIN.independent
    assert CHAIN.base_measure == "counts"


def test_steps_draw_what_passes_draw(key):
    passes = DRIFT.replace(steps=None)
    np.testing.assert_allclose(DRIFT.sample(key), passes.sample(key), rtol=1e-6)
    assert DRIFT.base_measure == "volume"


def test_places_are_of_the_first_axes(key):
    """And the values of one place are drawn with one key."""
    x, noise = DRIFT.sample(key), []
    for t in range(3):
        before = x[t - 1] if t else jnp.zeros(2)
        noise.append((x[t] - before @ DRIFT.given - 1) / jnp.exp(-0.5))
    draws = [jax.random.normal(jax.random.fold_in(key, t), (3, 2))[t] for t in range(3)]
    np.testing.assert_allclose(jnp.stack(noise), jnp.stack(draws), rtol=1e-4, atol=1e-5)


def test_there_is_no_mean(key):
    with pytest.raises(TypeError, match="Autoregressive has no mean; draw from it"):
        CHAIN.mean()
    assert read_as(CHAIN) == "draw"
    np.testing.assert_array_equal(mean_or_draw(CHAIN, key), CHAIN.sample(key))


def test_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"Autoregressive has events of shape \(2, 2\) and was"):
        CHAIN.log_prob(jnp.zeros(4))


def test_a_vmap_over_z_holds_the_weights_once(key):
    """Made where it is used; and a bound of it has a gradient."""

    def loss(weights):
        def decode(z):
            return Autoregressive({**weights, "bias": weights["bias"] + z}, told, (2, 2))

        encode = lambda x: Gaussian(jnp.zeros(4), jnp.zeros(4))  # noqa: E731
        return elbo(key, BITS, encode, decode, standard_gaussian(4), num_samples=3).value

    gradient = jax.grad(loss)(CHAIN.given)
    kernel = np.asarray(gradient["kernel"])
    assert np.all(np.triu(kernel) == 0)
    assert np.all(kernel[1:, 0] != 0)


# ---- lengths ----

SEQUENCE = Autoregressive({"kernel": normal(5, 5), "bias": normal(5)}, told, (5,))
PADDED = jnp.array([1.0, 0.0, 1.0, jnp.nan, -7.0])


def test_a_length_leaves_the_end_out(key):
    """Whatever is there: NaN, and what is in no support; and it has no gradient."""
    made = Masked(SEQUENCE, jnp.array(3))
    shorter = {"kernel": SEQUENCE.given["kernel"][:3, :3], "bias": SEQUENCE.given["bias"][:3]}
    alone = Autoregressive(shorter, told, (3,))
    np.testing.assert_allclose(made.log_prob(PADDED), alone.log_prob(PADDED[:3]), rtol=1e-6)
    other = made.log_prob(PADDED.at[3:].set(1.0))
    np.testing.assert_array_equal(made.log_prob(PADDED), other)
    np.testing.assert_array_equal(made.log_prob_factors(PADDED)[3:], 0)
    assert made.in_support(PADDED)
    assert not made.in_support(PADDED.at[2].set(0.5))
    assert made.sample(key).shape == (5,)
    gradient = jax.grad(lambda q: Masked(q, jnp.array(3)).log_prob(PADDED))(SEQUENCE)
    assert all(jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(gradient))


def test_all_or_nothing_is_a_length():
    x = jnp.ones(5)
    np.testing.assert_array_equal(Masked(SEQUENCE, jnp.array(False)).log_prob(x), 0.0)
    whole = Masked(SEQUENCE, jnp.array(True)).log_prob(x)
    np.testing.assert_allclose(whole, SEQUENCE.log_prob(x), rtol=1e-6)
    np.testing.assert_allclose(Masked(SEQUENCE, 5).log_prob(x), whole, rtol=1e-6)


@pytest.mark.parametrize("mask", [jnp.arange(5) < 3, jnp.arange(5) > 1, jnp.ones(5)])
def test_other_masks_are_refused_of_it(mask):
    with pytest.raises(TypeError, match="of an Autoregressive a length alone, an integer"):
        Masked(SEQUENCE, mask).log_prob(jnp.ones(5))
    with pytest.raises(TypeError, match="of an Autoregressive a length alone"):
        Masked(Joint({"x": (SEQUENCE,)}), {"x": mask}).log_prob({"x": (jnp.ones(5),)})
    with pytest.raises(TypeError, match="of an Autoregressive a length alone"):
        Masked(SEQUENCE, mask).in_support(jnp.ones(5))


NESTED = {
    "a mask": lambda q, x: (Masked(q, 4), x),
    "two masks": lambda q, x: (Masked(Masked(q, 4), jnp.array(True)), x),
    "a mask in a part": lambda q, x: (Joint({"x": (Masked(q, 4),)}), {"x": (x,)}),
    "a part in a mask": lambda q, x: (Masked(Joint({"x": q}), {"x": 4}), {"x": x}),
    "a part in a part": lambda q, x: (Joint((Joint({"x": q}),)), ({"x": x},)),
}


@pytest.mark.parametrize("within", NESTED.values(), ids=NESTED)
def test_nothing_around_it_lets_another_mask_pass(within):
    """A value that is left out would be read by those after it; a length is told as it is."""
    q, value = within(SEQUENCE, jnp.ones(5))
    for ask in (Masked.log_prob, Masked.log_prob_factors, Masked.in_support):
        with pytest.raises(TypeError, match="of an Autoregressive a length alone, an integer"):
            ask(Masked(q, jnp.arange(5) > 0), value)
    q, value = within(SEQUENCE, PADDED)
    made = Masked(q, 3)
    alone = Masked(SEQUENCE, 3).log_prob(PADDED)
    np.testing.assert_allclose(made.log_prob(value), alone, rtol=1e-6)
    assert made.in_support(value)


def test_what_has_no_factors_takes_no_mask_at_all():
    """Nor a length: of a sum over components, and of what a flow mixes, no part is left out."""
    several = jax.vmap(lambda bias: SEQUENCE.replace(given={**SEQUENCE.given, "bias": bias}))
    mixture = Mixture(jnp.zeros(2), several(normal(2, 5)))
    flowed = Flowed(SEQUENCE, flows.Affine(jnp.zeros(5), jnp.zeros(5)))
    for q in (mixture, flowed, Masked(mixture, 4), Masked(flowed, 4)):
        with pytest.raises(TypeError, match="is not a sum over dimensions"):
            Masked(q, 3).log_prob(jnp.ones(5))


def test_a_length_stands_beside_other_masks():
    label = Categorical(normal(3, 4))
    q = Joint({"x": SEQUENCE, "label": label})
    value = {"x": PADDED, "label": jnp.array([1, 2, -1])}
    made = Masked(q, {"x": 3, "label": jnp.array([True, True, False])}).log_prob(value)
    apart = Masked(SEQUENCE, 3).log_prob(PADDED) + Masked(label, 2).log_prob(value["label"])
    np.testing.assert_allclose(made, apart, rtol=1e-6)


def test_one_number_of_another_type_is_no_length():
    with pytest.raises(TypeError, match=r"or one integer, a length; got float32: mask > 0"):
        Masked(Bernoulli(normal(5)), jnp.array(3.0)).log_prob(jnp.ones(5))
