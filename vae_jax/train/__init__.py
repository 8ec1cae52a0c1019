"""Steps of training, and epochs of steps.

    step = descend(weighted_sum(model), optax.adam(1e-3))
    state = step.init(key, model.init(init_key, x))
    state, metrics = train_epoch(step, state, {"x": images}, batch_size=100, prepare=binarise(255))

All randomness comes from `TrainState.key`, which is never split, only folded: step t draws from
fold_in(key, t), and what else an epoch draws from streams of its own. (`split(key)[i]` is the same
key as `fold_in(key, i)`: a key may be split or folded, not both.) A run that is interrupted between
epochs and continued is therefore bit-identical to one that was not.

An objective, a step and a preparation are what `jit` recognises a compiled epoch by: build them
once, outside the loop.
"""

from vae_jax.train.epochs import train_epoch
from vae_jax.train.steps import (
    Metrics,
    Player,
    Step,
    TrainState,
    alternate,
    decay_mask,
    descend,
)

__all__ = [
    "Metrics",
    "Player",
    "Step",
    "TrainState",
    "alternate",
    "decay_mask",
    "descend",
    "train_epoch",
]
