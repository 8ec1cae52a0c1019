"""What a flow makes of a distribution."""

from typing import Self

import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, at_least_float32
from vae_jax.flows import Flow
from vae_jax.types import Array, Key


class Flowed(Distribution):
    """z = f(u), u ~ base: a density of another form.

        log p(z) = log base(u) - log |det df/du|,   u = f^-1(z)

    A draw knows its own density, in one pass of the flow; that of a given z takes the inverse, and
    is a TypeError where the flow has none (planar, radial, Sylvester: posteriors). As a posterior
    it has no rate in closed form: `sampled_rate`.

    Args:
      base: over one array, of a density of volume, such as `standard_gaussian(D)`.
      flow: over its values.

    Reference: Rezende, Mohamed 2015, arXiv 1505.05770, eq. 5 to 7.
    """

    base: Distribution
    flow: Flow

    support = "takes what its flow makes of the support of its base"

    @property
    def reparameterized(self) -> bool:
        """That of the base."""
        return self.base.reparameterized

    @property
    def base_measure(self) -> str:
        """That of volume; TypeError where the base is no density of it."""
        if self.base.base_measure != "volume":
            raise TypeError(
                f"A flow moves densities of volume, and {type(self.base).__name__} is one of"
                f" {self.base.base_measure!r}: use a base such as Gaussian."
            )
        return "volume"

    def _sample(self, key: Key) -> Array:
        return self._sample_and_log_prob(key)[0]

    def _sample_and_log_prob(self, key: Key) -> tuple[Array, Array]:
        u, log_p = self.base.sample_and_log_prob(key)
        z, log_det = self.flow.forward_and_log_det(u)
        return z, log_p - log_det

    def _log_prob(self, value: Array) -> Array:
        u, log_det = self.flow.inverse_and_log_det(value)
        return self.base.log_prob(u) + log_det

    def _promoted(self) -> Self:
        # what a flow is told, such as a label, is no parameter of a density, nor are its weights
        return self.replace(
            base=self.base._promoted(), flow=jax.tree.map(at_least_float32, self.flow)
        )

    def in_support(self, value: Array) -> Array:
        """Where u is in the base's; of a flow without an inverse, every finite value."""
        finite = super().in_support(value)
        if not self.flow.invertible:
            return finite
        own = self._promoted()
        u, _ = own.flow.inverse_and_log_det(jnp.where(finite, value, 0.0))
        return finite & own.base.in_support(u)
