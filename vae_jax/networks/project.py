"""The last layer: features to the parameters of one event."""

import math
from typing import Any

from flax import linen as nn

from vae_jax.types import Array


def project(
    features: Array, event_shape: tuple[int, ...], *extra: int, name: str, **dense: Any
) -> Array:
    """A dense layer from features to parameters [*event_shape, *extra], in a compact method.

    From a feature vector [F], every parameter sees all features. From a feature map [H, W, F], for
    events that begin with H, W, every pixel's parameters see that pixel's features: a 1x1
    convolution. (Any number of leading axes works so: [T, F] for sequences.)

    Args:
      features: [F], or [*positions, F] where `event_shape` begins with `positions`.
      event_shape: the shape of the event.
      *extra: the number of parameters of each of its dimensions, e.g. classes.
      name: the name of the layer.
      **dense: options of `nn.Dense`.

    Raises:
      ValueError: if the feature map is not of the event's size.
    """
    *positions, _ = features.shape
    rest = (*event_shape[len(positions) :], *extra)
    if tuple(event_shape[: len(positions)]) != tuple(positions):
        raise ValueError(
            f"The head was given features of shape {features.shape} for events of shape"
            f" {tuple(event_shape)}. It takes a feature vector [F], or a feature map whose size is"
            f" the event's, [{', '.join(map(str, event_shape[: len(positions)]))}, F]: change"
            " event_shape or the size that the body makes, or let the body flatten its features."
        )
    return nn.Dense(math.prod(rest), name=name, **dense)(features).reshape(*event_shape, *extra)
