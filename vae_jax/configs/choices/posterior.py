"""What a row of posteriors makes."""

from collections.abc import Callable
from typing import NamedTuple

from flax import linen as nn

from vae_jax.models import VAE
from vae_jax.objectives import Term


class Posterior(NamedTuple):
    """The head of an encoder.

    Fields:
      head: of the features; of codes, of one vector, and it is made for all of them.
      is_point: whether it is a point, which has no bound.
      is_committed: whether it has a least rate, which is one under the standard prior alone.
      is_diagonal: whether its rate is one of each dimension.
      quantise: of codes, the model with points -> the model with codes in their place; else None.
      terms: of the loss, beside distortion and rate.
      vectors: of codes, how many there are where there is no map; None for one.
    """

    head: nn.Module
    is_point: bool = False
    is_committed: bool = False
    is_diagonal: bool = True
    quantise: Callable[[VAE], VAE] | None = None
    terms: tuple[Term, ...] = ()
    vectors: int | None = None
