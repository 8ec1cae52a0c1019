"""Paths between two latents, and the images along them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from vae_jax import VAE, Gaussian, generate, standard_gaussian
from vae_jax.generate import interpolate, linear, spherical

# x = z^2 + 100 c: two latents opposite to each other do not stay so
MODEL = VAE(
    init=lambda key, x, c=None: {},
    encode=lambda params, x, c=None, key=None: Gaussian(x, jnp.zeros(())),
    decode=lambda params, z, c=None, key=None: Gaussian(
        z**2 + (0.0 if c is None else 100.0 * c), jnp.zeros(())
    ),
    prior=lambda params, c=None, key=None: standard_gaussian(3),
)
START, END = jnp.array([0.3, -1.7, 0.9]), jnp.array([1.1, 0.4, -0.2])
T = np.linspace(0, 1, 7)
ROUNDING = {"rtol": 1e-5, "atol": 1e-6}
NO_ARC = [
    (START, START),
    (START, 3 * START),
    (START, -START),
    (START, -2 * START),
    (START, 0 * START),
    (0 * START, END),
    (0 * START, 0 * START),
    (jnp.array([0.7]), jnp.array([-0.2])),  # in one dimension always
]


def along(path, start, end, t=T):
    """z at each t, [len(t), ...]."""
    return jax.jit(jax.vmap(path, in_axes=(None, None, 0)))(start, end, jnp.asarray(t))


def straight(start, end):
    start, end = np.asarray(start), np.asarray(end)
    return start + T[:, None] * (end - start)


@pytest.mark.parametrize("path", [linear, spherical])
def test_a_path_begins_and_ends_at_its_ends_to_the_bit(path):
    for seed in range(20):
        start, end = jax.random.normal(jax.random.key(seed), (2, 16))
        z = along(path, start, end)
        np.testing.assert_array_equal(z[0], start)
        np.testing.assert_array_equal(z[-1], end)
        np.testing.assert_array_equal(path(start, end, 0.0), start)
        np.testing.assert_array_equal(path(start, end, 1.0), end)


def test_the_linear_path():
    np.testing.assert_allclose(along(linear, START, END), straight(START, END), **ROUNDING)


def test_the_spherical_path_turns_at_an_even_pace():
    """Of unit vectors it is expm(t G) start, G the rotation in their plane by the whole angle."""
    u, v = (np.asarray(z, np.float64) / np.linalg.norm(z) for z in (START, END))
    w = v - (u @ v) * u
    w /= np.linalg.norm(w)
    generator = np.arccos(u @ v) * (np.outer(w, u) - np.outer(u, w))
    expected = [scipy.linalg.expm(t * generator) @ u for t in T]
    z = along(spherical, jnp.asarray(u, jnp.float32), jnp.asarray(v, jnp.float32))
    np.testing.assert_allclose(z, expected, **ROUNDING)


def test_the_spherical_path_of_lengths_that_differ():
    """Perpendicular: cos(t pi/2) start + sin(t pi/2) end, whatever their lengths."""
    start, end = jnp.array([[2.0, 0.0], [0.0, 0.0]]), jnp.array([[0.0, 0.0], [0.5, 0.0]])
    expected = np.zeros((len(T), 2, 2))
    expected[:, 0, 0] = 2 * np.cos(T * np.pi / 2)
    expected[:, 1, 0] = 0.5 * np.sin(T * np.pi / 2)
    np.testing.assert_allclose(along(spherical, start, end), expected, **ROUNDING)


def test_halfway_between_two_draws_is_as_far_out_as_they_are():
    """|z|^2 / D is 1 on the arc and 1/2 on the line, with a deviation of sqrt(2 / D) of it."""
    start, end = jax.random.normal(jax.random.key(0), (2, 10_000))
    for path, expected in ((spherical, 1), (linear, 0.5)):
        z = path(start, end, 0.5)
        np.testing.assert_allclose(np.mean(z**2), expected, rtol=4.5 * np.sqrt(2 / 10_000))


@pytest.mark.parametrize(("start", "end"), NO_ARC)
def test_where_there_is_no_one_arc_the_path_is_straight(start, end):
    z = along(spherical, start, end)
    np.testing.assert_allclose(z, straight(start, end), **ROUNDING)
    np.testing.assert_array_equal(z[-1], end)


@pytest.mark.parametrize(("start", "end"), [*NO_ARC, (START, END)])
def test_the_derivatives_of_the_spherical_path_are_finite(start, end):
    derivative = jax.vmap(jax.jacrev(spherical, argnums=(0, 1, 2)), in_axes=(None, None, 0))
    for found in jax.jit(derivative)(start, end, jnp.asarray(T)):
        assert np.all(np.isfinite(found))


def test_the_pace_of_the_spherical_path_at_its_ends():
    """w (cos(t w) end - cos((1 - t) w) start) / sin w: no jump to that of the straight line."""
    u, v = (np.asarray(z, np.float64) for z in (START, END))
    w = np.arccos(u @ v / np.linalg.norm(u) / np.linalg.norm(v))
    t = T[:, None]
    expected = w * (np.cos(t * w) * v - np.cos((1 - t) * w) * u) / np.sin(w)
    pace = jax.jit(jax.vmap(lambda t: jax.jvp(lambda t: spherical(START, END, t), (t,), (1.0,))[1]))
    np.testing.assert_allclose(pace(jnp.asarray(T, jnp.float32)), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [1e-25, 1e25])
def test_the_spherical_path_of_latents_of_any_size(size):
    z = along(spherical, size * START, size * END)
    np.testing.assert_allclose(z / size, along(spherical, START, END), **ROUNDING)


def test_nearly_one_direction_and_nearly_opposite_ones():
    """No jump into the straight path, and an arc that is still one: of norm 1 within rounding,
    1e-7 / (pi - angle)."""
    u, v = jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0])
    for angle in (1e-7, 1e-5, 1e-3):
        z = along(spherical, u, np.cos(angle) * u + np.sin(angle) * v)
        np.testing.assert_allclose(
            z, np.stack([np.cos(T * angle), np.sin(T * angle)], 1), atol=2e-7
        )
    angle = np.pi - 1e-2
    z = along(spherical, u, jnp.asarray(np.cos(angle) * u + np.sin(angle) * v, jnp.float32))
    np.testing.assert_allclose(z, np.stack([np.cos(T * angle), np.sin(T * angle)], 1), atol=5e-5)


@pytest.mark.parametrize("path", [linear, spherical])
def test_the_images_along_a_path(path):
    x = interpolate(MODEL, {}, START, END, 7, path=path)
    np.testing.assert_allclose(x, along(path, START, END) ** 2, **ROUNDING)
    with_c = interpolate(MODEL, {}, START, END, 7, jnp.array(2.0), path=path)
    np.testing.assert_allclose(with_c, x + 200, rtol=1e-6)
    np.testing.assert_array_equal(interpolate(MODEL, {}, START, END, 2, path=path), x[::6])


def test_the_path_is_straight_unless_another_is_given():
    x = interpolate(MODEL, {}, START, END, 3)
    np.testing.assert_allclose(x[1], ((START + END) / 2) ** 2, **ROUNDING)
    x = interpolate(MODEL, {}, START, END, 3, path=lambda start, end, t: start + 0 * end + 0 * t)
    np.testing.assert_array_equal(x, np.tile(START**2, (3, 1)))


def test_lists_are_latents():
    x = interpolate(MODEL, {}, [1, 0, 0], [0, 2, 0], 3, path=spherical)
    np.testing.assert_allclose(x[1], [0.5, 2.0, 0.0], **ROUNDING)


def test_what_is_no_path_is_refused():
    with pytest.raises(ValueError, match=r"latents of one shape; got \(3,\) and \(1,\)"):
        interpolate(MODEL, {}, START, END[:1], 3)
    with pytest.raises(ValueError, match="num must be at least 2, the two ends; got 1"):
        generate.interpolate(MODEL, {}, START, END, 1)
