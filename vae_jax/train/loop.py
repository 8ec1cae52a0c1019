"""The loop of `fit`: an epoch, a look at held-out data, a checkpoint, again."""

import functools
import time
from collections.abc import Generator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import devices, hosts
from vae_jax.checkpoint import Checkpoints
from vae_jax.data import prepare_fixed
from vae_jax.data.sources import read_example
from vae_jax.evaluate.support import check_numbers
from vae_jax.objectives import batch_size as size_of
from vae_jax.train.averages import average_params
from vae_jax.train.door import check_evaluation, check_step, check_values
from vae_jax.train.epochs import steps_of, train_epoch
from vae_jax.train.finite import NotFiniteError, check_finite, check_metrics
from vae_jax.train.records import Fitted, Now, Progress, Row, Settings
from vae_jax.train.rows import STREAM, Seen, bound_of, held_out_row, seen_of, train_row
from vae_jax.train.settled import settled
from vae_jax.train.steps import TrainState
from vae_jax.train.streams import stream_epoch
from vae_jax.types import Batch, Key

_CHECKED = 1000  # training examples that are prepared and looked at before the first step
_SETTLING = 2**32 - 4  # a stream of the key of training, beside `STREAM`


class Epoch(NamedTuple):
    """What came of an epoch: the state after it, what the host sees of it, and how long it took."""

    state: TrainState
    seen: Seen
    seconds: float


Running = Generator[TrainState, Epoch, Any]  # asks for an epoch from a state on, and is sent it


def run(settings: Settings, key: Key, checkpoints: Checkpoints | None) -> Fitted:
    """Epochs until they are done, patience is out, or `stop` says so."""
    settings = settings._replace(stop=hosts.stopping(settings.stop))
    if isinstance(settings.data, dict):
        settings = settings._replace(data=devices.placed(settings.data, settings.batch_size))
    running = rounds(settings, key, checkpoints)
    try:
        state = next(running)
        while True:
            state = running.send(_trained(settings, state))
    except StopIteration as done:
        return done.value


def rounds(settings: Settings, key: Key, checkpoints: Checkpoints | None) -> Running:
    """A run without its epochs, which it asks for by the state that they start from: who trains
    one, or several at once, sends what came of it. It returns what `run` does."""
    now, interrupted = _begin(settings, key, checkpoints), False
    rows: list[Row] = []
    while now.progress.epoch < settings.epochs and not (interrupted or _tired(settings, now)):
        now, row = _checked(settings, now, (yield now.state), compiled=bool(rows))
        now, made, score = _evaluated(settings, now, row)
        due = _is_due(settings, now)
        if checkpoints and due:
            _save(checkpoints, now, score)  # before anything is made of it that may fail
        for row in made:
            settings.report(row, average_params(now.state))
        rows += made
        interrupted = settings.stop()
        if checkpoints and interrupted and not due:
            _save(checkpoints, now, score)
    params = average_params(now.state) if now.best is None else now.best
    ended = "interrupted" if interrupted and now.progress.epoch < settings.epochs else "finished"
    if _tired(settings, now):
        ended = "stopped early"
    return Fitted(params, now.state, now.progress, rows, ended)


def _evaluated(settings: Settings, now: Now, row: Row) -> tuple[Now, list[Row], float | None]:
    """If it is time, an evaluation; what is to be reported, and the score."""
    if not _is_due(settings, now):
        return now, [row], None
    now = _settled(settings, now)
    if settings.held_out is None:
        return now, [row], None
    held_out = held_out_row(settings, now)
    if settings.score is None:
        return now, [row, held_out], None
    score = float(settings.score(held_out))
    return _judge(now, score), [row, held_out], score


def _settled(settings: Settings, now: Now) -> Now:
    """What an evaluation reads of training data, brought up to date; no step reads it."""
    key = jax.random.fold_in(now.state.key, _SETTLING)
    params, B, prepare = average_params(now.state), settings.batch_size, settings.prepare
    own = settled(settings.model, params, key, settings.data, prepare=prepare, batch_size=B)
    if own is params:
        return now
    params = {**now.state.params, "state": own["state"]}
    return now._replace(state=now.state._replace(params=params))


def _is_due(settings: Settings, now: Now) -> bool:
    epoch = now.progress.epoch
    return epoch % settings.evaluate_every == 0 or epoch == settings.epochs


def _tired(settings: Settings, now: Now) -> bool:
    return settings.patience is not None and now.progress.since_best >= settings.patience


def _begin(settings: Settings, key: Key, checkpoints: Checkpoints | None) -> Now:
    """The first state; or the last one saved, and the best parameters so far."""
    init_key, train_key = jax.random.split(key)
    prepare_key = jax.random.fold_in(train_key, STREAM)
    first = _first_examples(settings, prepare_key)
    x, c = jax.tree.map(lambda leaf: leaf[0], (first["x"], first.get("c")))

    def new() -> TrainState:
        return settings.step.init(train_key, settings.model.init(init_key, x, c))

    epochs = hosts.agreed(lambda: checkpoints.epochs if checkpoints else [])
    if checkpoints and epochs:
        among = devices.of_batch(settings.batch_size, settings.data)
        like = devices.forms(jax.eval_shape(new), among)
        restored = checkpoints.load(epochs[-1], like)
        progress = Progress(**restored.progress)
        _check_same_run(settings, hosts.here(restored.state), progress, train_key)
        if progress.best_epoch not in epochs:  # none yet; or its checkpoint was removed
            epoch, score = hosts.agreed(lambda: checkpoints.best) or (None, None)
            progress = progress._replace(best_epoch=epoch, best_score=score)
        if progress.epoch == settings.patient_after:
            progress = progress._replace(since_best=0)
        chosen = progress.best_epoch
        params = None if chosen is None else checkpoints.load_params(chosen)
        _check_shapes(settings, restored.state)
        return Now(restored.state, progress, params)
    state = new()
    _check_shapes(settings, state)
    check_values(settings, state.params, first, prepare_key)
    return Now(state, Progress(), None)


def _check_shapes(settings: Settings, state: TrainState) -> None:
    """Raise now what would fail in the first step or the first evaluation."""
    check_step(settings, state)
    check_evaluation(settings, state)


def _check_same_run(
    settings: Settings, state: TrainState, progress: Progress, train_key: Key
) -> None:
    """ValueError where the checkpoint is of another key, number of examples or batch size."""
    data = settings.data
    steps = steps_of(size_of(data) if isinstance(data, dict) else len(data), settings.batch_size)
    if state.key != train_key:
        raise ValueError("The folder's run has another key: pass its own, or name a new folder.")
    if state.step != progress.epoch * steps:
        raise ValueError(
            f"The folder's run did {int(state.step):,} steps in {progress.epoch} epochs, where this"
            f" has {steps:,} in each: pass the same number of examples and batch size, or name a"
            " new folder."
        )


def _first_examples(settings: Settings, key: Key) -> Batch:
    """Some examples as the model will see them."""
    data = settings.data
    if isinstance(data, dict):
        size_of(data)
        check_numbers(data["x"])
        first = hosts.rows(data, slice(_CHECKED))
    else:
        first = jax.tree.map(lambda leaf: np.asarray(leaf)[None], read_example(data, 0))
    if settings.prepare is None:
        return first
    return prepare_fixed(settings.prepare, key, first)


def _trained(settings: Settings, state: TrainState) -> Epoch:
    """One epoch; reading its numbers waits for it to end."""
    data, start = settings.data, time.perf_counter()
    how: Any = stream_epoch
    if isinstance(data, dict):
        how = functools.partial(train_epoch, scan=settings.scan)
    given = {"batch_size": settings.batch_size, "prepare": settings.prepare}
    state, metrics = how(settings.step, state, data, **given)
    return Epoch(state, seen_of(state, metrics), time.perf_counter() - start)


def _checked(settings: Settings, now: Now, epoch: Epoch, compiled: bool) -> tuple[Now, Row]:
    """After an epoch: its numbers are finite, and its row."""
    data, B = settings.data, settings.batch_size
    N = size_of(data) if isinstance(data, dict) else len(data)
    first = now.progress.epoch * steps_of(N, B)
    check_metrics(epoch.seen.metrics, epoch.state.key, first, N, B)
    check_finite(epoch.seen.finite, int(epoch.seen.step))
    progress = now.progress._replace(epoch=now.progress.epoch + 1)
    timed = B if compiled else None
    row = train_row(progress.epoch, epoch.seen, epoch.seconds, timed, bound_of(settings))
    return Now(epoch.state, progress, now.best), row


def _judge(now: Now, score: float) -> Now:
    """Note whether these parameters are the best so far; of equals the first is."""
    epoch, best = now.progress.epoch, now.progress.best_score
    if not np.isfinite(score):
        raise NotFiniteError(
            f"The held-out score of epoch {epoch} is {score}.", int(now.state.step) - 1
        )
    if best is not None and score <= best:
        waited = now.progress.since_best + 1
        return now._replace(progress=now.progress._replace(since_best=waited))
    params = jax.tree.map(jnp.copy, average_params(now.state))  # the state's memory is given away
    return Now(now.state, Progress(epoch, epoch, score, 0), params)


def _save(checkpoints: Checkpoints, now: Now, score: float | None) -> None:
    checkpoints.save(
        now.progress.epoch, now.state, average_params(now.state), now.progress._asdict(), score
    )
