"""Values outside of a mask count 0 nats, whatever they are."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from every import normal

from vae_jax import (
    Bernoulli,
    Categorical,
    Gaussian,
    Joint,
    Masked,
    Mixture,
    descend,
    elbo,
    evaluate,
    fit,
    generate,
    standard_gaussian,
    vae,
    weighted_sum,
)
from vae_jax.distributions.means import mean_or_draw, read_as
from vae_jax.networks import MLP, BernoulliHead, CategoricalHead, GaussianHead, Network, masked

T, D = 5, 2
LENGTH = jnp.arange(T) < 3
LOC = normal(T, D)
SEQUENCE = Gaussian(LOC, normal(T, D, seed=1))


def test_a_masked_sequence_is_the_shorter_one(key):
    x = SEQUENCE.sample(key)
    shorter = Gaussian(LOC[:3], SEQUENCE.log_scale[:3])
    made = Masked(SEQUENCE, LENGTH)
    np.testing.assert_allclose(made.log_prob(x), shorter.log_prob(x[:3]), rtol=1e-6)
    factors = made.log_prob_factors(x)
    np.testing.assert_array_equal(factors[:3], SEQUENCE.log_prob_factors(x)[:3])
    np.testing.assert_array_equal(factors[3:], 0)
    np.testing.assert_array_equal(made.sample(key), x)


@pytest.mark.parametrize("mask", [LENGTH, normal(T, D) > 0, jnp.array(True), jnp.array(False)])
def test_a_mask_is_a_leading_part_of_the_factors(mask, key):
    x = SEQUENCE.sample(key)
    kept = np.broadcast_to(np.reshape(mask, mask.shape + (1,) * (2 - mask.ndim)), (T, D))
    expected = np.sum(np.asarray(SEQUENCE.log_prob_factors(x))[kept])
    np.testing.assert_allclose(Masked(SEQUENCE, mask).log_prob(x), expected, rtol=1e-6)


def test_a_filling_is_of_draws_and_means_alone(key):
    x = SEQUENCE.sample(key)
    made = Masked(SEQUENCE, LENGTH, filling=-7.0)
    for found, whole in ((made.sample(key), x), (made.mean(), LOC), (mean_or_draw(made, key), LOC)):
        np.testing.assert_array_equal(found[:3], whole[:3])
        np.testing.assert_array_equal(found[3:], -7.0)
    np.testing.assert_array_equal(made.log_prob(x), Masked(SEQUENCE, LENGTH).log_prob(x))
    parts = Joint({"x": SEQUENCE, "k": Categorical(normal(T, 3))})
    both = Masked(parts, {"x": LENGTH, "k": 2}, filling=-1).sample(key)
    np.testing.assert_array_equal(both["x"][3:], -1.0)
    np.testing.assert_array_equal(both["k"] >= 0, [True, True, False, False, False])


def test_padding_may_be_anything_and_has_no_gradient():
    """-1 for a class that is not there; and the parameters outside stay as they are."""
    x = jnp.array([0, 2, 1, -1, -1])
    logits = normal(T, 3)
    made = Masked(Categorical(logits), LENGTH)
    assert made.in_support(x)
    assert not made.in_support(x.at[1].set(-1))
    assert np.isfinite(made.log_prob(x))
    assert not np.isfinite(made.log_prob(x.at[1].set(-1)))
    gradient = jax.grad(lambda logits: Masked(Categorical(logits), LENGTH).log_prob(x))(logits)
    alone = jax.grad(lambda logits: Categorical(logits[:3]).log_prob(x[:3]))(logits)
    np.testing.assert_allclose(gradient, alone, rtol=1e-6)
    spoiled = LOC.at[4, 0].set(jnp.nan)
    assert Masked(SEQUENCE, LENGTH).in_support(spoiled)
    assert not Masked(SEQUENCE, LENGTH).in_support(spoiled.at[0, 0].set(jnp.nan))


def test_each_part_of_a_tree_has_its_mask(key):
    """Or one mask is for all."""
    q = Joint({"a": SEQUENCE, "b": Bernoulli(normal(T))})
    x, half = q.sample(key), normal(T, seed=2) > 0
    a, b = (np.asarray(leaf) for leaf in jax.tree.leaves(q.log_prob_factors(x)))
    each = Masked(q, {"a": LENGTH, "b": half}).log_prob(x)
    np.testing.assert_allclose(each, a[:3].sum() + b[half].sum(), rtol=1e-6)
    both = Masked(q, LENGTH).log_prob(x)
    np.testing.assert_allclose(both, a[:3].sum() + b[:3].sum(), rtol=1e-6)


@pytest.mark.parametrize(
    ("error", "mask", "message"),
    [
        (TypeError, jnp.ones(T), r"A mask is bool, .*got float32: mask > 0"),
        (ValueError, jnp.ones(D, bool), r"shape \(2,\) is no leading part of the shape \(5, 2\)"),
        (ValueError, jnp.ones((T, D, 1), bool), r"shape \(5, 2, 1\) is no leading part"),
    ],
)
def test_other_masks_are_refused(error, mask, message, key):
    with pytest.raises(error, match=message):
        Masked(SEQUENCE, mask).log_prob(LOC)


def test_what_has_no_factors_cannot_be_masked(key):
    mixture = Mixture(jnp.zeros(2), jax.vmap(Gaussian)(normal(2, T), normal(2, T)))
    with pytest.raises(TypeError, match="not a sum over dimensions"):
        Masked(mixture, LENGTH).log_prob(jnp.zeros(T))


def test_what_is_looked_at_is_what_is_masked(key):
    q = Joint({"a": SEQUENCE, "b": Categorical(normal(T, 3))})
    assert read_as(Masked(q, LENGTH)) == read_as(q) == "both"
    same = mean_or_draw(Masked(q, LENGTH), key), mean_or_draw(q, key)
    jax.tree.map(np.testing.assert_array_equal, *same)


def test_an_elbo_counts_what_is_there(key):
    encode = lambda x: standard_gaussian(1)  # noqa: E731
    shorter = Gaussian(LOC[:3], SEQUENCE.log_scale[:3])
    rest = key, LOC, encode, lambda z: Masked(SEQUENCE, LENGTH), standard_gaussian(1)
    np.testing.assert_allclose(elbo(*rest).distortion, -shorter.log_prob(LOC[:3]), rtol=1e-6)


# ---- networks ----

N = 12
LENGTHS = (np.arange(N) % T + 1).astype(np.int32)
CLASSES = np.random.default_rng(0).integers(0, 3, (N, T)).astype(np.int32)
INSIDE = np.arange(T) < LENGTHS[:, None]
PADDED = {"x": np.where(INSIDE, CLASSES, -1), "c": LENGTHS}


def inside(length):
    return jnp.arange(T) < length


def seen(length):
    return inside(length).astype(jnp.float32)


MODEL = vae(
    Network(MLP((8,)), GaussianHead((2,)), seen),
    masked(Network(MLP((8,)), CategoricalHead((T,), 3), seen), inside),
    standard_gaussian(2),
)


def test_sequences_of_several_lengths_are_trained(key):
    step = descend(weighted_sum(MODEL), optax.adam(1e-2))
    options = {"key": key, "epochs": 40, "batch_size": 6, "held_out": PADDED, "evaluate_every": 40}
    fitted = fit(MODEL, step, PADDED, **options)
    rows = [row["distortion"] for row in fitted.rows if row["data"] == "train"]
    # at first about log 3 nats for each value that is there, of 3 an example, and not of 5
    assert abs(rows[0] - np.log(3) * LENGTHS.mean()) < 0.7
    assert np.mean(rows[-5:]) < rows[0] - 0.2
    drawn = generate.sample(MODEL, fitted.params, key, N, LENGTHS)
    assert drawn.shape == (N, T)


def test_the_distortion_of_padding_is_nothing(key):
    """Other padding is another input of the encoder, and here no other number of the decoder."""
    params = MODEL.init(key, PADDED["x"][0], LENGTHS[0])
    length = jnp.array(2)
    likelihood = MODEL.decode(params, jnp.zeros(2), length)
    first, other = (jnp.array([1, 0, *rest]) for rest in ([-1, -1, -1], [2, 1, 0]))
    np.testing.assert_array_equal(likelihood.log_prob(first), likelihood.log_prob(other))
    whole = MODEL.decode(params, jnp.zeros(2), jnp.array(T))
    assert whole.log_prob(other) < likelihood.log_prob(other)


def test_padding_is_not_outside_of_the_support(key):
    params = MODEL.init(key, PADDED["x"][0], LENGTHS[0])
    evaluate.check_support(MODEL, params, PADDED)
    with pytest.raises(ValueError, match=r"first x\[0\].* Masked asks the distribution that it"):
        evaluate.check_support(MODEL, params, {**PADDED, "c": np.full(N, T)})


def test_a_network_need_not_be_told_what_is_there():
    body = Network(MLP((8,)), BernoulliHead((T,)))
    decoder = masked(body, inside, told=False)
    params = decoder.init(jax.random.key(0), jnp.zeros(2), jnp.int32(2))
    short, long = (decoder.apply(params, jnp.ones(2), jnp.int32(n)) for n in (2, 3))
    np.testing.assert_array_equal(short.mean(), long.mean())
    assert int(short.mask.sum()) == 2


def test_what_masked_networks_ask_for(key):
    decoder = masked(Network(MLP((8,)), BernoulliHead((T,))), inside)
    with pytest.raises(ValueError, match="has its mask of the condition: pass c"):
        decoder.init(key, jnp.zeros(2))
    with pytest.raises(TypeError, match=r"mask_of is called with \(c\)"):
        masked(Network(MLP((8,)), BernoulliHead((T,))), lambda x, c: c)

    class Told(Network):
        def __call__(self, x, c=None, train=False):
            return super().__call__(x, c)

    with pytest.raises(TypeError, match="x and c alone, and Told asks for `train`"):
        masked(Told(MLP((8,)), BernoulliHead((T,))), inside)
    assert masked(Network(MLP((8,)), BernoulliHead((T,))), inside) == decoder
