"""What makes a flow: of a context, such as features of x, or of none.

Every one is called as `layer(context)`, of a vector [F] or None, and returns a flow over
`event_size` values, which begins at the identity or near it.
"""

import math
from dataclasses import field
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Dtype, Initializer

from vae_jax import flows
from vae_jax.networks.bodies import MLP
from vae_jax.networks.elementwise import Affines, Elementwise
from vae_jax.networks.init import Activation, spread_bias
from vae_jax.networks.made import MaskedMLP
from vae_jax.networks.programs import Program, opened
from vae_jax.types import Array

_SMALL = nn.initializers.normal(0.1)


class PlanarLayer(nn.Module):
    """A planar flow, of parameters that are own ones or made of the context.

    Args:
      event_size: D.
      dtype: of the arithmetic by which they are made.
    """

    event_size: int
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, context: Array | None = None) -> flows.Planar:
        """Planar over [event_size]."""
        u, w = (parameter(self, name, context, (self.event_size,)) for name in ("u", "w"))
        return flows.Planar(u, w, parameter(self, "b", context, ()))


class RadialLayer(nn.Module):
    """A radial flow, of parameters that are own ones or made of the context.

    Args:
      event_size, dtype: as in `PlanarLayer`.
    """

    event_size: int
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, context: Array | None = None) -> flows.Radial:
        """Radial over [event_size]."""
        center = parameter(self, "center", context, (self.event_size,))
        return flows.Radial(center, *(parameter(self, n, context, ()) for n in ("alpha", "beta")))


class SylvesterLayer(nn.Module):
    """A Sylvester flow, of parameters that are own ones or made of the context.

    Args:
      event_size, dtype: as in `PlanarLayer`.
      rank: directions, M <= D.
    """

    event_size: int
    rank: int
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, context: Array | None = None) -> flows.Sylvester:
        """Sylvester over [event_size]."""
        D, M = self.event_size, self.rank
        if not 1 <= M <= D:
            raise ValueError(f"A Sylvester flow over {D} values has 1 to {D} directions; got {M}.")
        vectors = parameter(self, "vectors", context, (M, D), nn.initializers.normal(1.0))
        r, r_tilde = (parameter(self, n, context, (M, M)) for n in ("r", "r_tilde"))
        return flows.Sylvester(vectors, r, r_tilde, parameter(self, "b", context, (M,)))


class LinearLayer(nn.Module):
    """A linear map L U, the same for every context."""

    event_size: int

    @nn.compact
    def __call__(self, context: Array | None = None) -> flows.Linear:
        """Linear over [event_size]."""
        shape = (self.event_size, self.event_size)
        zeros = nn.initializers.zeros
        lower, upper = (self.param(name, zeros, shape) for name in ("lower", "upper"))
        return flows.Linear(lower, upper, self.param("log_diagonal", zeros, shape[:1]))


class AffineLayer(nn.Module):
    """A shift and a scale of each value, the same for every context.

    Args:
      event_size: D.
      shift_init, scale_init: initializers of the shift and of the log of the scale; zeros unless
        it is to begin at the moments of data.
    """

    event_size: int
    shift_init: Initializer = nn.initializers.zeros
    scale_init: Initializer = nn.initializers.zeros

    @nn.compact
    def __call__(self, context: Array | None = None) -> flows.Affine:
        """Affine over [event_size]."""
        shape = (self.event_size,)
        shift = self.param("shift", self.shift_init, shape)
        return flows.Affine(shift, self.param("log_scale", self.scale_init, shape))


class PermutationLayer(nn.Module):
    """Values in another order.

    Args:
      order: each of 0 .. D - 1 once.
    """

    order: tuple[int, ...]

    def __call__(self, context: Array | None = None) -> flows.Permutation:
        """Permutation, the same for every context."""
        return flows.Permutation(self.order)


class CouplingLayer(nn.Module):
    """The first half of the values moves the others, as a network of it and the context says.

    Args:
      event_size: D, at least 2.
      body: (the values that stay, context) -> features.
      elementwise: by which maps the others go.
    """

    event_size: int
    body: nn.Module = field(default_factory=lambda: MLP((64,), bias_init=spread_bias))
    elementwise: Elementwise = field(default_factory=Affines)

    def __call__(self, context: Array | None = None) -> flows.Coupling:
        """Coupling over [event_size]."""
        if self.event_size < 2:
            raise ValueError("A coupling has values that stay and others that move: 2 at least.")
        kept = self.event_size // 2
        if self.is_initializing():
            self.moves(context, jnp.zeros(kept))
        unbound, given = opened(self, context)
        return flows.Coupling(given, Program(unbound, "moves"), kept)

    @nn.compact
    def moves(self, context: Array | None, stays: Array) -> flows.Flow:
        """The flow over the other values."""
        size = self.event_size - stays.size
        features = self.body(stays, context)
        last = nn.Dense(size * self.elementwise.size, kernel_init=nn.initializers.zeros, name="raw")
        return self.elementwise(last(features).reshape(size, self.elementwise.size))


class AutoregressiveLayer(nn.Module):
    """Each value is moved by those before it, and the context, as a masked network says: IAF, whose
    draws are one pass; or, the other way round, MAF, whose density is.

    Args:
      event_size: D.
      widths, activation: of the network, see `MaskedMLP`.
      elementwise: by which maps the values go.
      density: whether the density is the one pass (MAF).
    """

    event_size: int
    widths: tuple[int, ...] = (64,)
    elementwise: Elementwise = field(default_factory=Affines)
    density: bool = False
    activation: Activation = nn.relu

    def __call__(self, context: Array | None = None) -> flows.Flow:
        """AutoregressiveFlow over [event_size], or its `Inverse`."""
        if self.is_initializing():
            self.moves(context, jnp.zeros(self.event_size))
        unbound, given = opened(self, context)
        flow = flows.AutoregressiveFlow(given, Program(unbound, "moves"))
        return flows.Inverse(flow) if self.density else flow

    @nn.compact
    def moves(self, context: Array | None, u: Array) -> flows.Flow:
        """The flow of each value by itself."""
        if u.size != self.event_size:
            raise ValueError(_other_size(self.event_size, u.size))
        size = (self.event_size, self.elementwise.size)
        network = MaskedMLP(*size, self.widths, self.activation, name="network")
        return self.elementwise(network(u, context))


def _other_size(own: int, size: int) -> str:
    return (
        f"This layer is of a flow over {own} values and was given an event of {size}: make the"
        " flow's event_size that of the distribution it is of."
    )


class FlowChain(nn.Module):
    """Layers one after the other, each told the context.

    Args:
      layers: a tuple of modules, in the order of the way forward.
    """

    layers: tuple[Any, ...]

    def __call__(self, context: Array | None = None) -> flows.Chain:
        """Chain of their flows."""
        return flows.chain(*(layer(context) for layer in self.layers))


def parameter(
    layer: PlanarLayer | RadialLayer | SylvesterLayer,
    name: str,
    context: Array | None,
    shape: tuple[int, ...],
    init: Initializer = _SMALL,
) -> Array:
    """A parameter of a flow in a compact method: an own one, or a dense layer of the context whose
    bias begins as the own one would."""
    if context is None:
        return layer.param(name, init, shape)
    few = nn.initializers.variance_scaling(0.01, "fan_in", "normal")
    size = math.prod(shape)
    dense = nn.Dense(size, dtype=layer.dtype, kernel_init=few, bias_init=init, name=name)
    return dense(context).reshape(shape)
