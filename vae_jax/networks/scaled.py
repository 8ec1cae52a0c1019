"""Networks of counts whose means are shares of a known total."""

from collections.abc import Callable
from typing import Any

from flax import linen as nn

from vae_jax.calls import check_takes
from vae_jax.distributions import Distribution, NegativeBinomial, Poisson, ZeroInflated
from vae_jax.types import Array, Event


def scaled_by(network: nn.Module, log_size_of: Callable[[Any], Array]) -> nn.Module:
    """The same network, whose mean counts are multiplied by a size that the condition says.

        mean = exp(log_size_of(c)) times that of the network's Poisson or NegativeBinomial

        decoder = scaled_by(Network(body, NegativeBinomialHead((D,)), embed=jnp.log), jnp.log)

    For an exposure, or for the library size of a single cell. Where the size is computed from x, as
    the sum of its counts is, the nats are those of p(x | z, size): conditional on the size, of
    which they say nothing, and not to be compared with those of a model that is not told it.

    Args:
      network: (x, c) -> counts; it is given the condition too.
      log_size_of: c -> the log of the size, [] or of the event's shape.

    Returns:
      A module (x, c) -> the counts, scaled.

    Raises:
      TypeError: a `log_size_of` that is no function of c; a network of no counts.
    """
    check_takes("log_size_of", log_size_of, "c")
    return _Scaled(network, log_size_of)


class _Scaled(nn.Module):
    network: nn.Module
    log_size_of: Callable[[Any], Array]

    def __call__(self, x: Event, c: Any = None) -> Distribution:
        if c is None:
            raise ValueError("A scaled network has its size of the condition: pass c.")
        return _scaled(self.network(x, c), self.log_size_of(c))


def _scaled(counts: Distribution, log_size: Array) -> Distribution:
    if isinstance(counts, Poisson):
        return counts.replace(log_rate=counts.log_rate + log_size)
    if isinstance(counts, NegativeBinomial):
        return counts.replace(log_mean=counts.log_mean + log_size)
    if isinstance(counts, ZeroInflated):
        return counts.replace(distribution=_scaled(counts.distribution, log_size))
    raise TypeError(
        "scaled_by takes a network of counts, a Poisson, a NegativeBinomial or a ZeroInflated of"
        f" these; got {type(counts).__name__}."
    )
