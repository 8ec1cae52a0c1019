"""Draws that are moved by forces: a flow without parameters of its own but steps."""

from collections.abc import Callable
from typing import Any, Self

import flax.struct
import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, at_least_float32, check_shape
from vae_jax.distributions.gaussian import standard_gaussian
from vae_jax.types import Array, Event, Key


class Hamiltonian(Distribution):
    """A draw and a momentum, after K leapfrog steps with tempering.

        z ~ base,  g ~ N(0, I),  r = g / sqrt(b_0)
        K times:  r <- r + s/2 F(z),  z <- z + s r,  r <- r + s/2 F(z),  r <- r sqrt(b_{k-1} / b_k)
        F = d log_joint / dz,   1 / sqrt(b_k) = 1 + (1 / sqrt(b_0) - 1) (1 - k^2 / K^2)
        log q(z_K, r_K) = log base(z_0) + log N(g; 0, I)

    The event is {"latent": z_K, "momentum": r_K}. A step keeps the volume, and the tempering takes
    from it what r = g / sqrt(b_0) has given: so log q is that of what was drawn, exactly. The steps
    go backward as well, so there is a density at every event.

    The momentum that is scored is the one that was drawn. With the mean of its score instead, a
    constant, as in the paper, the mean of log w is the same, and that of w no longer p(x).

    Args:
      base: over one array z.
      given: what `log_joint` reads: parameters, x, a condition. It reaches it as it is.
      log_step: log s, of the shape of z.
      log_start: log b_0 <= 0, []; 0 for no tempering.
      log_joint: (given, z) -> log p(x, z), [] nats. Made once: `jit` recognises it by identity.
      num_steps: K.

    Reference: Caterini, Doucet, Sejdinovic 2018, arXiv 1805.11328, algorithm 1.
    """

    base: Distribution
    given: Any
    log_step: Array
    log_start: Array
    log_joint: Callable[[Any, Array], Array] = flax.struct.field(pytree_node=False)
    num_steps: int = flax.struct.field(pytree_node=False)

    @property
    def reparameterized(self) -> bool:
        """True if the base is."""
        return self.base.reparameterized

    def in_support(self, value: Event) -> Array:
        """Finite values, whose way back begins in the support of the base."""
        z, momentum = self._back(value)
        finite = jnp.all(jnp.isfinite(momentum))
        return finite & self.base.in_support(z)

    def _sample(self, key: Key) -> Event:
        return self._sample_and_log_prob(key)[0]

    def _sample_and_log_prob(self, key: Key) -> tuple[Event, Array]:
        base_key, momentum_key = jax.random.split(key)
        z, log_q = self.base.sample_and_log_prob(base_key)
        drawn, log_r = standard_gaussian(*z.shape).sample_and_log_prob(momentum_key)
        step, inverse_root = jnp.exp(self.log_step), self._inverse_roots()

        def move(at: tuple[Array, Array], factor: Array) -> tuple[tuple[Array, Array], None]:
            z, r = self._leapfrog(*at, step)
            return (z, r * factor), None

        factors = inverse_root[1:] / inverse_root[:-1]
        (z, r), _ = jax.lax.scan(move, (z, drawn * inverse_root[0]), factors)
        return {"latent": z, "momentum": r}, log_q + log_r

    def _log_prob(self, value: Event) -> Array:
        z, drawn = self._back(value)
        return self.base.log_prob(z) + standard_gaussian(*z.shape).log_prob(drawn)

    def _back(self, value: Event) -> tuple[Array, Array]:
        """What z and which momentum, in its first scale, an event comes from."""
        z, r = value["latent"], value["momentum"]
        for part in (z, r):
            check_shape("Hamiltonian", part, jnp.shape(self.log_step))
        step, inverse_root = jnp.exp(self.log_step), self._inverse_roots()

        def move(at: tuple[Array, Array], factor: Array) -> tuple[tuple[Array, Array], None]:
            z, r = at
            return self._leapfrog(z, r / factor, -step), None

        factors = inverse_root[1:] / inverse_root[:-1]
        (z, r), _ = jax.lax.scan(move, (z, r), factors, reverse=True)
        return z, r / inverse_root[0]

    def _leapfrog(self, z: Array, r: Array, step: Array) -> tuple[Array, Array]:
        force = jax.grad(lambda z: self.log_joint(self.given, z))
        r = r + 0.5 * step * force(z)
        z = z + step * r
        return z, r + 0.5 * step * force(z)

    def _inverse_roots(self) -> Array:
        """1 / sqrt(b_k) for k = 0 .. K."""
        k = jnp.arange(self.num_steps + 1) / self.num_steps
        return 1 + jnp.expm1(-0.5 * self.log_start) * (1 - k**2)

    def _promoted(self) -> Self:
        own = (at_least_float32(leaf) for leaf in (self.log_step, self.log_start))
        log_step, log_start = own  # the base promotes its own; weights are no parameters of it
        return self.replace(log_step=log_step, log_start=log_start)


class Part(Distribution):
    """One part of the events of a distribution over a dict: to be drawn, without a density.

    Args:
      whole: the distribution.
      name: of the part.
    """

    whole: Distribution
    name: str = flax.struct.field(pytree_node=False)

    @property
    def reparameterized(self) -> bool:
        """True if the whole is."""
        return self.whole.reparameterized

    def _sample(self, key: Key) -> Array:
        return self.whole.sample(key)[self.name]

    def _log_prob(self, value: Array) -> Array:
        raise TypeError(
            f"The density of {self.name!r} alone is not known: take that of the whole event."
        )

    def _promoted(self) -> Self:
        return self
