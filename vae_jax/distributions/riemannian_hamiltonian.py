"""Draws that are moved by forces in a space that has a metric."""

from collections.abc import Callable
from typing import Any, Self

import flax.struct
import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, at_least_float32
from vae_jax.distributions.precision_gaussian import PrecisionGaussian
from vae_jax.types import Array, Event, Key


class RiemannianHamiltonian(Distribution):
    """A draw and a momentum, after K generalised leapfrog steps with tempering.

        z ~ base,  r ~ N(0, G(z)) / sqrt(b_0),  K steps of the energy, after each a factor of r
        H(z, r) = -log_joint(z) + 1/2 log det G(z) + 1/2 r' G(z)^-1 r
        log q(z_K, r_K) = log base(z_0) + log N(sqrt(b_0) r_0; 0, G(z_0))

    As a `Hamiltonian`, whose metric G is the identity; the event is {"latent": z, "momentum": r}.
    Two of the three parts of a step are equations, which are solved by iterating: volume is kept,
    and log q right, as far as they are solved. So log q is that of a draw alone.

    Args:
      base, given, log_step, log_start, log_joint, num_steps: as of a `Hamiltonian`.
      factor: (given, z) -> the Cholesky factor [D, D] of G(z)^-1. Made once, as log_joint.
      iterations: of each equation.

    Reference: Chadebec, Mantoux, Allassonniere 2020, arXiv 2010.11518, section 3; Girolami,
    Calderhead 2011, Riemann manifold Langevin and Hamiltonian Monte Carlo methods (the steps).
    """

    base: Distribution
    given: Any
    log_step: Array
    log_start: Array
    log_joint: Callable[[Any, Array], Array] = flax.struct.field(pytree_node=False)
    factor: Callable[[Any, Array], Array] = flax.struct.field(pytree_node=False)
    num_steps: int = flax.struct.field(pytree_node=False)
    iterations: int = flax.struct.field(pytree_node=False)

    @property
    def reparameterized(self) -> bool:
        """True if the base is."""
        return self.base.reparameterized

    def _sample(self, key: Key) -> Event:
        return self._sample_and_log_prob(key)[0]

    def _sample_and_log_prob(self, key: Key) -> tuple[Event, Array]:
        base_key, momentum_key = jax.random.split(key)
        z, log_q = self.base.sample_and_log_prob(base_key)
        r, log_r = self._momentum(z).sample_and_log_prob(momentum_key)
        k = jnp.arange(self.num_steps + 1) / self.num_steps
        scale = 1 + jnp.expm1(-0.5 * self.log_start) * (1 - k**2)  # 1 / sqrt(b_k)

        def move(at: tuple[Array, Array], factor: Array) -> tuple[tuple[Array, Array], None]:
            z, r = self._leapfrog(*at)
            return (z, r * factor), None

        (z, r), _ = jax.lax.scan(move, (z, r * scale[0]), scale[1:] / scale[:-1])
        return {"latent": z, "momentum": r}, log_q + log_r

    def _momentum(self, z: Array) -> PrecisionGaussian:
        return PrecisionGaussian(self.factor(self.given, z))

    def _leapfrog(self, z: Array, r: Array) -> tuple[Array, Array]:
        half = 0.5 * jnp.exp(self.log_step)
        force, pull = jax.grad(self._potential), jax.grad(self._kinetic)
        push, start = force(z), r
        for _ in range(self.iterations):  # r = start + half (push - pull(z, r))
            r = start + half * (push - pull(z, r))
        here, before = self._speed(z, r), z
        for _ in range(self.iterations):  # z = before + half (speed(before, r) + speed(z, r))
            z = before + half * (here + self._speed(z, r))
        return z, r + half * (force(z) - pull(z, r))

    def _potential(self, z: Array) -> Array:
        """Minus the energy of a place."""
        return self.log_joint(self.given, z) + self._momentum(z).log_volume()

    def _kinetic(self, z: Array, r: Array) -> Array:
        return 0.5 * jnp.sum(jnp.dot(r, self.factor(self.given, z), precision="highest") ** 2)

    def _speed(self, z: Array, r: Array) -> Array:
        """G(z)^-1 r."""
        factor = self.factor(self.given, z)
        return jnp.dot(factor, jnp.dot(r, factor, precision="highest"), precision="highest")

    def _promoted(self) -> Self:
        log_step, log_start = (at_least_float32(x) for x in (self.log_step, self.log_start))
        return self.replace(log_step=log_step, log_start=log_start)
