"""What a row of posteriors makes."""

from collections.abc import Callable
from typing import NamedTuple

from flax import linen as nn

from vae_jax.evaluate.scores import Rate
from vae_jax.models import VAE
from vae_jax.objectives import Term


def as_it_is(model: VAE) -> VAE:
    """The same."""
    return model


class Posterior(NamedTuple):
    """The head of an encoder, and what else of the model follows from it.

    Fields:
      head: of the features; of codes, of one vector, and it is made for all of them.
      is_point: whether it is a point, which has no bound.
      is_committed: whether it has a least rate, which is one under the standard prior alone.
      is_diagonal: whether its rate is one of each dimension.
      has_path: whether a draw carries its derivative.
      states: how many values z has, where they can be listed; 0 where not.
      any_z: whether its density is known at every z, and not at those that it draws alone.
      space: of its events, which the prior's are in too.
      trained: of the model with this head, the one that is trained.
      scored: of that, the one that is scored.
      rate: of it, where it is another than the prior says.
      descended: in the place of the rate, where that is of the scored model alone.
      terms: of the loss, beside distortion and rate.
      examples: of training that it keeps, how many.
      around: (trained model, first examples, encode=) -> the model with these.
      vectors: of codes, how many there are where there is no map; None for one.
    """

    head: nn.Module
    is_point: bool = False
    is_committed: bool = False
    is_diagonal: bool = True
    has_path: bool = True
    states: int = 0
    any_z: bool = True
    space: str = "numbers"
    trained: Callable[[VAE], VAE] = as_it_is
    scored: Callable[[VAE], VAE] = as_it_is
    rate: Rate | None = None
    descended: Rate | None = None
    terms: tuple[Term, ...] = ()
    examples: int = 0
    around: Callable[..., VAE] = as_it_is
    vectors: int | None = None

    @property
    def in_codes(self) -> bool:
        """Whether its events are vectors of codes."""
        return self.space == "codes"
