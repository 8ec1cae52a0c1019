"""What is the same in all configs of standardised numbers."""

import math

from flax import linen as nn

from vae_jax.configs.first_values import FRACTION
from vae_jax.data import Standardise

LOG_SCALE = nn.initializers.constant(math.log(FRACTION))  # where that of a Gaussian begins


def told(units: Standardise, shape: tuple[int, ...]) -> tuple[str, ...]:
    """What the nats are of, if there are numbers in an example of this shape, [..., D]."""
    if not units.scale:
        return ()
    constant = units.log_scale(shape)
    way = "lower" if constant > 0 else "higher"
    return (
        f"The nats are of standardised numbers; in the units of the file log p(x) is {way} by"
        f" {abs(constant):.2f}.",
    )
