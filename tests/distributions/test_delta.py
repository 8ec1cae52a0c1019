import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax.distributions import Delta

POINT = jnp.array([0.5, -2.0])


def test_all_mass_at_the_point(key):
    q = Delta(POINT)
    np.testing.assert_array_equal(q.sample(key), POINT)
    np.testing.assert_array_equal(q.mean(), POINT)
    assert q.log_prob(POINT) == 0
    assert q.in_support(POINT)


@pytest.mark.parametrize("other", [[0.5, -2.1], [jnp.nan, -2.0], [0.5, jnp.inf]])
def test_none_elsewhere(other):
    q = Delta(POINT)
    assert q.log_prob(jnp.array(other)) == -jnp.inf
    assert not q.in_support(jnp.array(other))


def test_half_precision_point_has_its_own_sample(key):
    q = Delta(jnp.array([0.1, 0.7], jnp.bfloat16))
    assert q.in_support(q.sample(key))
    assert q.log_prob(q.sample(key)) == 0


def test_sample_is_reparameterized(key):
    grad = jax.grad(lambda q: jnp.sum(q.sample(key) ** 2))(Delta(POINT))
    np.testing.assert_allclose(grad.value, 2 * POINT)


def test_wrong_shape_of_value():
    with pytest.raises(ValueError, match=r"Delta has events of shape \(2,\).*jax\.vmap"):
        Delta(POINT).log_prob(jnp.zeros(()))
