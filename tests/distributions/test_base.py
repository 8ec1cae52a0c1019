from collections.abc import Callable
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from vae_jax.distributions import Bernoulli, Beta, Distribution, Gaussian, Poisson


def _declare(annotation: Any, **options: Any) -> type[Distribution]:
    """A distribution with one field. An annotation that is a string is what a module with
    `from __future__ import annotations` gives."""

    class Declared(Distribution):
        field: annotation = flax.struct.field(**options)

        reparameterized = True

        def _sample(self, key):
            return jax.random.normal(key)

        def _log_prob(self, value):
            return -(value**2)

        def in_support(self, value):
            return jnp.isfinite(value)

    return Declared


STATIC = [int, bool, str, tuple, tuple[int, ...], Callable, Callable[[Any], int]]
STATIC_STRINGS = ["int", "bool", "str", "tuple", "tuple[int, ...]", "Callable[[Any], int]"]


@pytest.mark.parametrize("annotation", STATIC + STATIC_STRINGS, ids=str)
def test_unmarked_static_field_is_refused(annotation):
    with pytest.raises(
        TypeError, match=r"Declared\.field is declared \w+, which.*field\(pytree_node=False\)"
    ):
        _declare(annotation)


@pytest.mark.parametrize("annotation", STATIC + STATIC_STRINGS, ids=str)
def test_marked_static_field_is_accepted(annotation, key):
    q = _declare(annotation, pytree_node=False)(3)
    assert jax.tree.leaves(q) == []
    assert jax.jit(lambda q: q.sample(key) * q.field)(q).shape == ()


@pytest.mark.parametrize("annotation", [jax.Array, "Array", Any, "Any", float, Distribution])
def test_parameters_are_accepted(annotation):
    assert len(jax.tree.leaves(_declare(annotation)(1.0))) == 1


def test_the_structures_of_two_families_differ():
    """jaxlib compared the numbers of fields alone: a compiled function took one for the other."""
    one, other = Gaussian(jnp.zeros(2), jnp.zeros(2)), Beta(jnp.zeros(2), jnp.zeros(2))
    assert jax.tree.structure(one) != jax.tree.structure(other)
    assert jax.tree.structure(Bernoulli(jnp.zeros(2))) != jax.tree.structure(Poisson(jnp.zeros(2)))
    assert jax.tree.structure(one) == jax.tree.structure(Gaussian(jnp.ones(2), jnp.ones(2)))
    assert repr(Poisson(1)) == "Poisson(log_rate=1)"


def test_abstract_class_is_not_instantiated():
    with pytest.raises(TypeError, match="abstract"):
        Distribution()


def test_missing_flag_is_not_instantiated():
    """A distribution that does not say whether it is reparameterized."""

    class Silent(Distribution):
        def _sample(self, key):
            return jax.random.normal(key)

        def _log_prob(self, value):
            return -(value**2)

        def in_support(self, value):
            return jnp.isfinite(value)

    with pytest.raises(TypeError, match="reparameterized"):
        Silent()


def test_mean_is_refused_unless_defined():
    with pytest.raises(TypeError, match=r"Declared has no mean; draw from it with `sample\(key\)`"):
        _declare(Any)(1.0).mean()


class Laplace(Distribution):
    """As in the docstring of Distribution."""

    loc: jax.Array
    log_scale: jax.Array
    reparameterized = True

    def _sample(self, key):
        noise = jax.random.laplace(key, self.loc.shape)
        return self.loc + jnp.exp(self.log_scale) * noise

    def _log_prob(self, value):
        distance = jnp.abs(value - self.loc) * jnp.exp(-self.log_scale)
        return jnp.sum(-distance - self.log_scale - jnp.log(2))


class Unsummed(Laplace):
    def _log_prob(self, value):
        return -jnp.abs(value - self.loc)


def test_a_distribution_of_ones_own(key):
    q = Laplace(jnp.array([0.5, -1.0]), jnp.array([0.3, 2.0]))
    x = q.sample(key)
    theirs = scipy.stats.laplace.logpdf(x, q.loc, np.exp(q.log_scale)).sum()
    np.testing.assert_allclose(q.log_prob(x), theirs, rtol=1e-6)
    assert q.in_support(x)
    assert not q.in_support(jnp.array([0.0, jnp.nan]))


def test_a_density_that_is_not_summed_is_refused():
    q = Unsummed(jnp.zeros(3), jnp.zeros(3))
    with pytest.raises(ValueError, match=r"_log_prob returned shape \(3,\): it must sum"):
        q.log_prob(jnp.zeros(3))


def test_a_distribution_without_a_density_is_refused():
    with pytest.raises(TypeError, match=r"Neither has no density: define _log_prob\(value\), or"):

        class Neither(Distribution):
            reparameterized = True

            def _sample(self, key):
                return jnp.zeros(2)
