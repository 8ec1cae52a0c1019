from collections.abc import Callable
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import pytest

from vae_jax.distributions import Distribution


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
