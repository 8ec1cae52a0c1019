"""Optimizers, of a learning rate."""

from typing import Any

import optax

from vae_jax.checks import check_within
from vae_jax.configs.choices.table import Rows
from vae_jax.train import decay_mask

Rate = Any  # a number, or what a schedule makes of it

# At 0 an epsilon divides 0 by 0, and at 1 a momentum forgets nothing.
_EPSILON, _MOMENTUM, _DECAY = (1e-30, 1.0), (0.0, 0.9999), (0.0, 1000.0)


def adam(learning_rate: Rate, *, epsilon: float = 1e-8) -> optax.GradientTransformation:
    """Adam."""
    check_within("epsilon", epsilon, *_EPSILON)
    return optax.adam(learning_rate, eps=epsilon)


def adamw(
    learning_rate: Rate, *, epsilon: float = 1e-8, weight_decay: float = 1e-4
) -> optax.GradientTransformation:
    """Adam with weight decay, of kernels alone."""
    check_within("epsilon", epsilon, *_EPSILON)
    check_within("weight_decay", weight_decay, *_DECAY)
    return optax.adamw(learning_rate, eps=epsilon, weight_decay=weight_decay, mask=decay_mask)


def sgd(learning_rate: Rate, *, momentum: float = 0.0) -> optax.GradientTransformation:
    """Stochastic gradient descent."""
    check_within("momentum", momentum, *_MOMENTUM)
    return optax.sgd(learning_rate, momentum=momentum or None)


def adamax(learning_rate: Rate, *, epsilon: float = 1e-8) -> optax.GradientTransformation:
    """Adam with the largest gradient in the place of their squares."""
    check_within("epsilon", epsilon, *_EPSILON)
    return optax.adamax(learning_rate, eps=epsilon)


def rmsprop(
    learning_rate: Rate, *, epsilon: float = 1e-8, momentum: float = 0.0
) -> optax.GradientTransformation:
    """RMSProp."""
    check_within("epsilon", epsilon, *_EPSILON)
    check_within("momentum", momentum, *_MOMENTUM)
    return optax.rmsprop(learning_rate, eps=epsilon, momentum=momentum or None)


def lion(learning_rate: Rate, *, weight_decay: float = 1e-4) -> optax.GradientTransformation:
    """Lion, with weight decay of kernels alone."""
    check_within("weight_decay", weight_decay, *_DECAY)
    return optax.lion(learning_rate, weight_decay=weight_decay, mask=decay_mask)


OPTIMIZERS: Rows = {
    "adam": adam,
    "adamw": adamw,
    "sgd": sgd,
    "adamax": adamax,
    "rmsprop": rmsprop,
    "lion": lion,
}
