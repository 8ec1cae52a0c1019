"""Samples, reconstructions, traversals; the temperature. Interpolations: test_interpolate.py."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import (
    VAE,
    Bernoulli,
    Categorical,
    Distribution,
    Gaussian,
    Joint,
    evaluate,
    generate,
    standard_gaussian,
)
from vae_jax.distributions.means import has_mean, mean_or_draw, read_as

PARAMS = {"offset": jnp.array([10.0, 20.0, 30.0])}


def shift(c):
    return 0.0 if c is None else 100.0 * c


# x [3] = z [3] + offset + 100 c, and q(z|x) its inverse, all with a scale of e^-3
MODEL = VAE(
    init=lambda key, x, c=None: PARAMS,
    encode=lambda params, x, c=None, key=None: Gaussian(
        x - params["offset"] - shift(c), jnp.array(-3.0)
    ),
    decode=lambda params, z, c=None, key=None: Gaussian(
        z + params["offset"] + shift(c), jnp.array(-3.0)
    ),
    prior=lambda params, c=None, key=None: standard_gaussian(3),
)
DEVIATION = np.exp(-3)
KEYS = jax.random.key(0), jax.random.key(1)


def test_samples_are_the_mean_at_a_draw_of_z_or_a_draw():
    means = generate.sample(MODEL, PARAMS, KEYS[0], 2000)
    draws = generate.sample(MODEL, PARAMS, KEYS[0], 2000, draw_x=True)
    assert means.shape == draws.shape == (2000, 3)
    z = means - PARAMS["offset"][None]
    # mean and deviation of 2000 standard Gaussians: standard errors 0.022 and 0.016
    np.testing.assert_allclose(z.mean(0), 0, atol=4.5 * 0.022)
    np.testing.assert_allclose(z.std(0), 1, atol=4.5 * 0.016)
    noise = draws - means  # the same z under both
    np.testing.assert_allclose(noise.std(0), DEVIATION, rtol=4.5 * 0.016)
    assert abs(np.corrcoef(noise[:, 0], z[:, 0])[0, 1]) < 4.5 * 0.022  # of keys of their own


def test_samples_come_from_the_key():
    one, same, other = (generate.sample(MODEL, PARAMS, KEYS[i], 4) for i in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert len(np.unique(np.concatenate([one, other]), axis=0)) == 8


def test_each_sample_has_its_condition():
    c = jnp.array([0.0, 1.0, 2.0])
    x = generate.sample(MODEL, PARAMS, KEYS[0], 3, c)
    z = x - PARAMS["offset"][None] - 100 * c[:, None]
    np.testing.assert_allclose(z, z.clip(-5, 5))


def prior_of(loc, log_scale):
    return MODEL._replace(prior=lambda params, c=None, key=None: Gaussian(loc, log_scale))


@pytest.mark.parametrize("temperature", [0.5, 2.0])
@pytest.mark.parametrize("shared", [False, True])
def test_a_temperature_scales_the_priors_deviation(temperature, shared):
    loc = jnp.array([1.0, -2.0, 0.5])
    scale = np.array([3.0, 3.0, 3.0] if shared else [3.0, 1.0, 0.2])
    model = prior_of(loc, jnp.log(scale[0] if shared else scale))
    x = generate.sample(model, PARAMS, KEYS[0], 2000, temperature=temperature)
    z = np.asarray(x - PARAMS["offset"][None])
    # of 2000 draws: the mean's standard error is 0.022 deviations, the deviation's 0.016
    np.testing.assert_allclose((z.mean(0) - loc) / (temperature * scale), 0, atol=4.5 * 0.022)
    np.testing.assert_allclose(z.std(0), temperature * scale, rtol=4.5 * 0.016)


def test_the_temperature_is_the_priors_alone():
    """The noise of x, of deviation e^-3, stays; and the prior's is that of one condition each."""
    x = generate.sample(MODEL, PARAMS, KEYS[0], 2000, draw_x=True, temperature=0.0)
    np.testing.assert_allclose(np.std(x, axis=0), DEVIATION, rtol=4.5 * 0.016)
    model = MODEL._replace(
        prior=lambda params, c=None, key=None: Gaussian(c * jnp.ones(3), jnp.zeros(3))
    )
    c = jnp.array([1.0, 2.0])
    x = generate.sample(model, PARAMS, KEYS[0], 2, c, temperature=0.0)
    np.testing.assert_array_equal(x, (c + 100 * c)[:, None] + PARAMS["offset"][None])


def test_temperature_one_changes_no_bit_and_zero_is_the_mean():
    model = prior_of(jnp.array([1.0, -2.0, 0.5]), jnp.log(jnp.array([3.0, 1.0, 0.2])))
    one, usual = (generate.sample(model, PARAMS, KEYS[0], 9, **t) for t in ({"temperature": 1}, {}))
    np.testing.assert_array_equal(one, usual)
    z_keys = jax.vmap(lambda key: jax.random.split(key)[0])(jax.random.split(KEYS[0], 9))
    z = jax.vmap(model.prior(PARAMS).sample)(z_keys)
    np.testing.assert_allclose(usual, z + PARAMS["offset"][None], rtol=1e-6)  # not compiled
    zero = generate.sample(model, PARAMS, KEYS[0], 9, temperature=0)
    np.testing.assert_array_equal(zero, np.tile([11.0, 18.0, 30.5], (9, 1)))


def test_a_temperature_of_another_prior_is_refused():
    joint = MODEL._replace(
        prior=lambda params, c=None, key=None: Joint((standard_gaussian(3),)),
        decode=lambda params, z, c=None, key=None: Gaussian(z[0], jnp.zeros(())),
    )
    assert generate.sample(joint, PARAMS, KEYS[0], 2, temperature=1.0).shape == (2, 3)
    message = r"of a Gaussian prior; a Joint has none.*model\.decode\(params, z, c\)"
    with pytest.raises(TypeError, match=message):
        generate.sample(joint, PARAMS, KEYS[0], 2, temperature=0.5)


@pytest.mark.parametrize("temperature", [-0.5, np.nan, np.inf])
def test_what_is_no_temperature_is_refused(temperature):
    with pytest.raises(ValueError, match="temperature must be finite and at least 0; got"):
        generate.sample(MODEL, PARAMS, KEYS[0], 2, temperature=temperature)


def test_reconstructions():
    x = jnp.array([[11.0, 19.0, 30.0], [9.0, 21.0, 30.5]])
    for key in KEYS:  # means draw nothing; the inverse's rounding at 30
        np.testing.assert_allclose(generate.reconstruct(MODEL, PARAMS, key, x), x, rtol=1e-6)
    both = {"draw_z": True, "draw_x": True}
    one, other = (generate.reconstruct(MODEL, PARAMS, key, x, **both) for key in KEYS)
    assert np.all(one != other)
    np.testing.assert_allclose(one, x, atol=6 * np.sqrt(2) * DEVIATION)  # of z, and of x
    c = jnp.array([1.0, 0.0])
    np.testing.assert_allclose(generate.reconstruct(MODEL, PARAMS, KEYS[0], x, c), x, rtol=1e-5)


def test_a_drawn_reconstruction_draws_z_and_x():
    x = jnp.tile(PARAMS["offset"][None], (2000, 1))
    for draws in ({"draw_z"}, {"draw_x"}, {"draw_z", "draw_x"}):
        made = generate.reconstruct(MODEL, PARAMS, KEYS[0], x, **dict.fromkeys(draws, True))
        expected = np.sqrt(len(draws)) * DEVIATION
        np.testing.assert_allclose(np.std(made, axis=0), expected, rtol=4.5 * 0.016)


def test_a_traversal_moves_one_dimension():
    z, values = jnp.array([0.1, 0.2, 0.3]), [-2.0, 0.0, 2.0]
    x = generate.traverse(MODEL, PARAMS, z, 1, values) - PARAMS["offset"][None]
    # roundings at 30
    np.testing.assert_allclose(x, [[0.1, v, 0.3] for v in values], atol=4e-6)
    with_c = generate.traverse(MODEL, PARAMS, z, 1, values, jnp.array(2.0))
    np.testing.assert_allclose(with_c - 200, x + PARAMS["offset"][None], atol=4e-5)


@pytest.mark.parametrize("dimension", [-1, 3])
def test_a_traversal_of_no_dimension_is_refused(dimension):
    with pytest.raises(ValueError, match=r"dimension must be in 0 \.\. 2; got"):
        generate.traverse(MODEL, PARAMS, jnp.zeros(3), dimension, [0.0])


def test_the_mean_of_a_bernoulli_is_grey_and_its_draw_is_not():
    model = MODEL._replace(decode=lambda params, z, c=None, key=None: Bernoulli(z))
    means = generate.sample(model, PARAMS, KEYS[0], 5)
    assert np.all((means > 0) & (means < 1))
    assert set(np.unique(generate.sample(model, PARAMS, KEYS[0], 5, draw_x=True))) == {0.0, 1.0}


def test_a_likelihood_without_a_mean_is_drawn():
    model = MODEL._replace(
        decode=lambda params, z, c=None, key=None: Categorical(jnp.stack([z, -z], axis=-1))
    )
    classes = generate.sample(model, PARAMS, KEYS[0], 5, draw_x=True)
    assert classes.shape == (5, 3)
    assert np.issubdtype(classes.dtype, np.integer)
    np.testing.assert_array_equal(generate.sample(model, PARAMS, KEYS[0], 5), classes)
    assert generate.read(model, PARAMS, jnp.zeros(3)) == ("mean", "draw")
    with pytest.raises(TypeError, match=r"Categorical has no mean; draw from it with `sample"):
        generate.traverse(model, PARAMS, jnp.zeros(3), 0, [0.0])
    moved = generate.traverse(model, PARAMS, jnp.zeros(3), 0, jnp.array([-50.0, 50.0]), key=KEYS[0])
    np.testing.assert_array_equal(moved[:, 0], [1, 0])
    np.testing.assert_array_equal(moved[0, 1:], moved[1, 1:])  # from the same noise


def test_a_posterior_without_a_mean_is_drawn_and_of_a_joint_the_part_without():
    """As a flow is."""

    class Flow(Gaussian):
        def mean(self):
            return Distribution.mean(self)

    offset = PARAMS["offset"]
    flow = MODEL._replace(
        encode=lambda params, x, c=None, key=None: Flow(x - offset, jnp.array(-3.0))
    )
    x = jnp.tile(offset[None], (2000, 1))
    made = generate.reconstruct(flow, PARAMS, KEYS[0], x)
    drawn = generate.reconstruct(MODEL, PARAMS, KEYS[0], x, draw_z=True)
    np.testing.assert_array_equal(made, drawn)
    assert generate.read(flow, PARAMS, x[0]) == ("draw", "mean")
    assert generate.read(MODEL, PARAMS, x[0]) == ("mean", "mean")
    np.testing.assert_array_equal(
        evaluate.embeddings(MODEL, PARAMS, KEYS[0], {"x": x[:3]}),
        evaluate.posterior_means(MODEL, PARAMS, {"x": x[:3]}),
    )
    with pytest.raises(TypeError, match="Flow has no mean"):
        evaluate.posterior_means(flow, PARAMS, {"x": x[:3]})
    assert len(np.unique(evaluate.embeddings(flow, PARAMS, KEYS[0], {"x": x[:3]}), axis=0)) == 3
    parts = Joint((Gaussian(jnp.zeros(2), jnp.zeros(2)), Categorical(jnp.zeros((3, 4)))))
    mean, draw = mean_or_draw(parts, KEYS[0])
    np.testing.assert_array_equal(mean, [0, 0])
    assert draw.shape == (3,)
    assert not has_mean(parts)
    assert read_as(parts) == "both"
    assert read_as(Joint({"a": Categorical(jnp.zeros((3, 4)))})) == "draw"
