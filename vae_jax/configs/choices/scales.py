"""Scales of a likelihood: its standard deviation, and how it is had."""

import math
from typing import NamedTuple

from flax import linen as nn
from flax.typing import Dtype, Initializer

from vae_jax.checks import check_within
from vae_jax.configs.choices.form import Form
from vae_jax.configs.choices.starts import affine, initializer
from vae_jax.configs.choices.table import one_of
from vae_jax.networks import DataScale, FixedScale, LearnedScale, PredictedScale
from vae_jax.networks.scales import FLOOR

_SIGMA = (1e-6, 1e6)  # of which squares and their inverses are far from what float32 holds


class Scale(NamedTuple):
    """What a row makes a scale of.

    Fields:
      form: of the data.
      sigma: the standard deviation that was asked for; or None.
      shift: the log of the family's own scale, less that of the standard deviation.
      floor: of the log of the family's own scale.
      dtype: of the arithmetic.
    """

    form: Form
    sigma: float | None
    shift: float
    floor: float
    dtype: Dtype | None

    def first(self) -> float | Initializer:
        """Where the log of the scale begins."""
        begin = self.form.log_scale if self.sigma is None else math.log(self.sigma)
        return affine(begin, self.shift)

    def of_data(self, factor: float = 1.0) -> nn.Module:
        """The deviation of the training data, times a factor."""
        if self.sigma is not None:
            raise ValueError("The data say what their deviation is: leave sigma out.")
        shift = self.shift + math.log(factor)
        return DataScale(initializer(affine(self.form.log_deviation, shift)))


def fixed(asked: Scale) -> nn.Module:
    """One standard deviation, which is not learned."""
    if asked.sigma is None:
        raise ValueError("scale='fixed' needs its standard deviation: sigma=0.1, say.")
    return FixedScale(math.log(asked.sigma) + asked.shift)


def data(asked: Scale) -> nn.Module:
    """That of the training data, all of their values together."""
    return asked.of_data()


def data_vqvae(asked: Scale) -> nn.Module:
    """sigma^2 = D Var / 2, by which a mean of D squares, over the variance, is the distortion: as
    DeepMind's code of the VQ-VAE has it."""
    return asked.of_data(math.sqrt(max(math.prod(asked.form.shape), 1) / 2))


def learned(asked: Scale) -> nn.Module:
    """One standard deviation, learned."""
    return LearnedScale(asked.floor, asked.first())


def dimension(asked: Scale) -> nn.Module:
    """A standard deviation for each dimension, learned."""
    return LearnedScale(asked.floor, asked.first(), per_dimension=True)


def predicted(asked: Scale) -> nn.Module:
    """A standard deviation for each dimension and z, an output of the decoder."""
    return PredictedScale(asked.floor, initial=asked.first(), dtype=asked.dtype)


def optimal(asked: Scale) -> nn.Module:
    """The one that is best of a batch, by `with_optimal_scale`, which has no use for this one."""
    if asked.sigma is not None:
        raise ValueError("An optimal scale is computed and begins nowhere: leave sigma out.")
    return FixedScale()


SCALES = {
    "fixed": fixed,
    "data": data,
    "data_vqvae": data_vqvae,
    "learned": learned,
    "dimension": dimension,
    "predicted": predicted,
    "optimal": optimal,
}


def scale_of(
    form: Form,
    scale: str | None,
    sigma: float | None,
    dtype: Dtype | None,
    *,
    shift: float = 0.0,
    floor: float = FLOOR,
) -> nn.Module:
    """The scale that was chosen; the form's, where none was."""
    if sigma is not None:
        check_within("sigma", sigma, *_SIGMA)
    return one_of("scale", SCALES, scale or form.scale)(Scale(form, sigma, shift, floor, dtype))
