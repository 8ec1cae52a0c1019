"""What a flow is: a smooth map of one event onto another, one to one, and its determinant.

Conventions of every flow in this package:

* **One event.** There is no batch axis: a batch is `jax.vmap` of one.
* **An array of any shape**, taken as the vector of its values in C order.
* **A flow is a pytree** of its parameters: own ones, or some that are made of features, of each
  example others. What is made of a network holds its weights and what they are told (`given`), and
  a function of these (`program`), and so is made where it is used: see docs/design.md.
* The words are distrax's: `forward_and_log_det`, `inverse_and_log_det`.
"""

from abc import ABC, abstractmethod
from typing import Any

import flax.struct
import jax.numpy as jnp

from vae_jax.families import named_in_its_tree
from vae_jax.types import Array


class Flow(flax.struct.PyTreeNode, ABC):
    """z = f(u), one to one and smooth, over one event. Abstract; its subclasses are final.

        log p(z) = log p(u) - log |det df/du|

    A subclass declares its parameters as fields, and defines `_forward(u)`, and `_inverse(z)`, if
    there is one that can be computed; both of a vector [D], to a vector and log |det|:

        class Affine(Flow):
            shift: jax.Array
            log_scale: jax.Array

            def _forward(self, u):
                return self.shift + jnp.exp(self.log_scale) * u, jnp.sum(self.log_scale)

            def _inverse(self, z):
                return (z - self.shift) * jnp.exp(-self.log_scale), -jnp.sum(self.log_scale)

    A field that is not an array (an int, a function) is declared
    `flax.struct.field(pytree_node=False)`.
    """

    def __init_subclass__(cls, **kwargs: Any):
        named_in_its_tree(cls)
        super().__init_subclass__(**kwargs)

    @property
    def invertible(self) -> bool:
        """Whether the inverse can be computed. (There is one in any case.)"""
        return type(self)._inverse is not Flow._inverse

    @abstractmethod
    def _forward(self, u: Array) -> tuple[Array, Array]: ...

    def _inverse(self, z: Array) -> tuple[Array, Array]:
        raise TypeError(
            f"{type(self).__name__} has no inverse that can be computed, so a distribution made by"
            f" it knows log q of what it draws (sample_and_log_prob), and of no other value."
            " score_free, a draw z that is given, and mutual_information ask for log_prob(z): leave"
            " them out, or use a flow with an inverse, Coupling or AutoregressiveFlow."
        )

    def forward_and_log_det(self, u: Array) -> tuple[Array, Array]:
        """z = f(u), of the shape of u, and log |det dz/du|, [] nats."""
        z, log_det = self._forward(_vector(self, u))
        return z.reshape(jnp.shape(u)), log_det

    def inverse_and_log_det(self, z: Array) -> tuple[Array, Array]:
        """u, of the shape of z, with z = f(u), and log |det du/dz|, [] nats.

        Raises:
          TypeError: of a flow that knows the way forward alone (planar, radial, Sylvester).
        """
        u, log_det = self._inverse(_vector(self, z))
        return u.reshape(jnp.shape(z)), log_det


def check_size(flow: Flow, size: int, vector: Array) -> None:
    """Raise ValueError unless an event has as many values as a flow is over."""
    if vector.size != size:
        raise ValueError(
            f"{type(flow).__name__} is over {size} values and was given an event of {vector.size}."
            " There is no batch axis and no broadcasting: map over a batch with jax.vmap."
        )


def check_parameter(flow: Flow, name: str, parameter: Array, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless a parameter of a flow has its shape."""
    if jnp.shape(parameter) != shape:
        raise ValueError(
            f"{type(flow).__name__}: {name} must have the shape {list(shape)}; got"
            f" {list(jnp.shape(parameter))}. There is no broadcasting."
        )


def _vector(flow: Flow, event: Any) -> Array:
    if not hasattr(event, "dtype"):
        raise TypeError(
            f"{type(flow).__name__} is over the values of one array and was given"
            f" {type(event).__name__}: give each latent of a tree a flow of its own."
        )
    return jnp.ravel(event)
