"""What a model is made for."""

from collections.abc import Callable
from typing import NamedTuple

from flax import linen as nn
from flax.typing import Initializer

from vae_jax.types import Array, Key

DENSITIES = ("gaussian", "laplace", "continuous_bernoulli", "beta")  # of numbers in [0, 1]
LEVELS = ("categorical", "logistic", "logistic_mixture")  # of integers below a number of levels
COUNTS = ("poisson", "negative_binomial", "zinb")  # of integers that have no upper end

PADDING = -1  # what stands behind the end of a text that is shorter than others


class Form(NamedTuple):
    """What an example is like, and where the parameters of a likelihood begin.

    Fields:
      shape: of one example.
      classes: of each of its integers, where it is made of those.
      likelihoods: that make sense of it.
      scale: of a Gaussian, where nobody says: docs/defaults.md has what that was measured by.
      loc, log_scale: initializers of a Gaussian's mean (the bias of the layer) and log-scale.
      log_deviation: initializer of the log of the standard deviation of all values of all examples.
      log_mean: of the log of the mean of counts (the bias of the layer).
      logits: of the logits of binary variables (the bias of the layer).
      grid: whether bodies that have a map keep it, for a latent of each of its positions.
      inputs: (key, number) -> so many training examples, [number, ...], as the encoder reads them;
        None of data of mean 0 and deviation 1.
      padded: whether examples are texts of several lengths: their condition is then a length, how
        many places there are, and `PADDING` stands in the others.
      beside: the classes of each variable that stands beside the array, which is then "numbers" of
        an event {"numbers": x, "classes": (c, ...)}; of shape (0,) there is no array in it.
    """

    shape: tuple[int, ...]
    classes: int | None = None
    likelihoods: tuple[str, ...] = (*DENSITIES, "bernoulli", *LEVELS)
    scale: str = "dimension"
    loc: Initializer = nn.initializers.zeros
    log_scale: Initializer = nn.initializers.zeros
    log_deviation: Initializer = nn.initializers.zeros
    log_mean: Initializer = nn.initializers.zeros
    logits: Initializer = nn.initializers.zeros
    grid: bool = False
    inputs: Callable[[Key, int], Array] | None = None
    padded: bool = False
    beside: tuple[int, ...] = ()


def times_of(form: Form, kind: str, name: str, otherwise: str) -> int:
    """The length of a text [T] or a series [T, C], for a row that is of these alone.

    Raises:
      ValueError: examples that are neither; it says which row, and what else to choose.
    """
    if len(form.shape) == 2 or (len(form.shape) == 1 and form.classes is not None):
        return form.shape[0]
    raise ValueError(
        f"{kind}={name!r} is for series [T, C] and texts [T], and these examples have the shape"
        f" {list(form.shape)}: choose {otherwise}."
    )
