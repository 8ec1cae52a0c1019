"""Steps of training, epochs of steps, and `fit`: training in one call.

    step = descend(weighted_sum(model), optax.adam(1e-3))
    state = step.init(key, model.init(init_key, x))
    state, metrics = train_epoch(step, state, {"x": images}, batch_size=100, prepare=binarise(255))

All randomness comes from `TrainState.key`, which is never split, only folded: step t draws from
fold_in(key, t), and what else an epoch draws from streams of its own. (`split(key)[i]` is the same
key as `fold_in(key, i)`: a key may be split or folded, not both.) A run that is interrupted between
epochs and continued is therefore bit-identical to one that was not; one that `stream_epoch` reads
from disk, also within an epoch.

    fitted = fit(model, step, {"x": images}, key=jax.random.key(0), epochs=50)

`fit` is a loop over `train_epoch` or `stream_epoch`, which those who want their own loop call, with
checkpoints, held-out scores and when to stop.

An objective, a step and a preparation are what `jit` recognises a compiled epoch by: build them
once, outside the loop.
"""

from vae_jax.train.aggressive import Aggressive, aggressive
from vae_jax.train.averages import Averaged, average_params, averaged
from vae_jax.train.code_prior import FittedCodes, fit_code_prior
from vae_jax.train.epochs import epoch_order, train_epoch
from vae_jax.train.finite import NotFiniteError, check_metrics, check_params
from vae_jax.train.fit import fit
from vae_jax.train.members import member, members, seeds_epoch
from vae_jax.train.records import Fitted, Progress, held_out_score
from vae_jax.train.settled import settled
from vae_jax.train.steps import (
    Metrics,
    Player,
    Step,
    TrainState,
    alternate,
    decay_mask,
    descend,
)
from vae_jax.train.streams import stream_epoch
from vae_jax.train.together import fit_seeds

__all__ = [
    "Aggressive",
    "Averaged",
    "Fitted",
    "FittedCodes",
    "Metrics",
    "NotFiniteError",
    "Player",
    "Progress",
    "Step",
    "TrainState",
    "aggressive",
    "alternate",
    "average_params",
    "averaged",
    "check_metrics",
    "check_params",
    "decay_mask",
    "descend",
    "epoch_order",
    "fit",
    "fit_code_prior",
    "fit_seeds",
    "held_out_score",
    "member",
    "members",
    "seeds_epoch",
    "settled",
    "stream_epoch",
    "train_epoch",
]
