"""Pytrees of one class, told apart from those of another with as many fields."""

import inspect
from typing import Any

import flax.struct


def named_in_its_tree(cls: Any) -> None:
    """Make the name of a class part of the structure of its trees, before its fields are read.

    jaxlib 0.10.2 takes the structures of two dataclasses for equal where they have as many fields,
    and a compiled function, now and then, a Laplace for a Gaussian.
    """
    cls.__annotations__ = {**inspect.get_annotations(cls), "_family": str}
    options = {"default": cls.__name__, "kw_only": True, "repr": False}
    cls._family = flax.struct.field(pytree_node=False, **options)
