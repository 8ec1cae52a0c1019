"""Networks for events of which a part is not there: padded sequences, missing values."""

import inspect
from collections.abc import Callable
from typing import Any

from flax import linen as nn

from vae_jax.calls import check_takes
from vae_jax.distributions import Masked
from vae_jax.types import Array, Event


def masked(
    network: nn.Module,
    mask_of: Callable[[Any], Array],
    *,
    told: bool = True,
    filling: float | None = None,
) -> nn.Module:
    """The same network, of whose distribution the condition says what counts.

        def inside(length):  # c, [] int
            return jnp.arange(T) < length  # [T] bool

        decoder = masked(Network(body, BernoulliHead((T, D)), embed=one_hot(T + 1)), inside)

    Args:
      network: (x, c) -> distribution, such as a `Network`.
      mask_of: c -> a mask, as `distributions.Masked` takes it.
      told: whether the network is given the condition, too. A decoder is not, where c says which
        values are missing at random: p(x|z) has nothing to do with it.
      filling: of draws, outside of the mask; see `Masked`.

    Returns:
      A module (x, c) -> `Masked`.

    Raises:
      TypeError: a network that asks for `train`; a `mask_of` that is no function of c.
    """
    check_takes("mask_of", mask_of, "c")
    if "train" in inspect.signature(type(network).__call__).parameters:
        raise TypeError(
            f"masked hands on x and c alone, and {type(network).__name__} asks for `train`: let it"
            ' look at self.has_rng("dropout") or self.is_mutable_collection("batch_stats") instead.'
        )
    return _Masked(network, mask_of, told, filling)


class _Masked(nn.Module):
    network: nn.Module
    mask_of: Callable[[Any], Array]
    told: bool
    filling: float | None

    def __call__(self, x: Event, c: Any = None) -> Masked:
        if c is None:
            raise ValueError("A masked network has its mask of the condition: pass c.")
        made = self.network(x, c if self.told else None)
        return Masked(made, self.mask_of(c), self.filling)
