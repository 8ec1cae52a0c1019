"""What a model is made for."""

from typing import NamedTuple

from flax import linen as nn
from flax.typing import Initializer


class Form(NamedTuple):
    """What an example is like.

    Fields:
      shape: of one example.
      classes: of each of its integers, where it is made of those.
      sigma: the first standard deviation of a Gaussian, of the order of the data's.
      bias_init: of the logits of binary variables.
      likelihoods: that make sense of it.
    """

    shape: tuple[int, ...]
    classes: int | None = None
    sigma: float = 1.0
    bias_init: Initializer = nn.initializers.zeros
    likelihoods: tuple[str, ...] = ("gaussian", "bernoulli", "categorical")
