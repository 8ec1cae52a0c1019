"""`fit` of several seeds at once, each of which is chosen, stopped and saved by itself."""

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import devices, hosts
from vae_jax.models import VAE
from vae_jax.train.finite import NotFiniteError
from vae_jax.train.fit import check_settings, opened
from vae_jax.train.loop import Epoch, Running, rounds
from vae_jax.train.members import seeds_epoch
from vae_jax.train.records import Fitted, Row, Settings
from vae_jax.train.rows import Seen, look
from vae_jax.train.steps import Step, TrainState
from vae_jax.types import Batch, Key, Params

Outcome = Fitted | NotFiniteError


def fit_seeds(
    model: VAE,
    step: Step,
    data: Batch,
    *,
    keys: Sequence[Key],
    folders: Sequence[str | os.PathLike[str]] | None = None,
    keep: int = 3,
    resume: bool = False,
    report: Callable[[int, Row, Params], None] = lambda member, row, params: None,
    stop: Callable[[], bool] = lambda: False,
    **options: Any,
) -> list[Outcome]:
    """`fit` from S keys at once: one epoch of all is one program, and each member has first
    parameters, an order and draws of its own key, its own checkpoints, best epoch and patience.

        fitted = fit_seeds(model, step, data, keys=jax.random.split(key, 16), epochs=50)

    Member s is `fit(..., key=keys[s], folder=folders[s])`, but for rounding, and its folder is that
    of such a run, which `fit` goes on with. A member that has ended is computed on until all have,
    and not looked at: nothing is compiled anew. Memory is that of S models.

    Args:
      model, step, data: as in `fit`; data in memory.
      keys: [S].
      folders: for checkpoints, one for each member; None keeps nothing on disk.
      keep, resume: as in `fit`, of each folder.
      report: called with the number of the member, its row and its parameters.
      stop: asked after each epoch of all.
      **options: as of `fit`: epochs, batch_size, prepare, held_out, ...

    Returns:
      For each member what `fit` returns; or, where its numbers were not finite, the error that
      `fit` would raise, which ends that member alone.

    Raises:
      TypeError: data that are no batch in memory.
      ValueError: not one folder for each key. And what `fit` raises, but NotFiniteError.
    """
    if not isinstance(data, dict):
        raise TypeError("Seeds are trained at once on data in memory: train them one by one.")
    folders = [None] * len(keys) if folders is None else folders  # type: ignore[list-item]
    if len(folders) != len(keys) or not len(keys):
        raise ValueError(f"{len(keys)} keys and {len(folders)} folders: give one for each key.")
    stopped = [False]
    settings = Settings(model, step, data, **options)
    check_settings(settings)
    placed = devices.placed(data, settings.batch_size)
    settings, stop = settings._replace(data=placed, stop=lambda: stopped[0]), hosts.stopping(stop)
    with contextlib.ExitStack() as stack:
        running = {}
        for s, (key, folder) in enumerate(zip(keys, folders, strict=True)):
            own = settings._replace(report=partial(report, s))
            running[s] = rounds(own, key, opened(stack, folder, keep, resume))
        return _all(settings, running, stop, stopped)


def _all(
    settings: Settings, running: dict[int, Running], stop: Callable[[], bool], stopped: list[bool]
) -> list[Outcome]:
    """Epochs of all that ask for one, until none does."""
    outcomes: dict[int, Outcome] = {}
    asking: dict[int, TrainState] = {}

    def go_on(s: int, epoch: Epoch | None) -> None:
        asking.pop(s, None)
        try:
            asking[s] = next(running[s]) if epoch is None else running[s].send(epoch)
        except StopIteration as done:
            outcomes[s] = done.value
        except NotFiniteError as error:
            outcomes[s] = error

    for s in running:
        go_on(s, None)
    while asking:
        # in the place of who has ended another, whose numbers are thrown away
        spare = next(iter(asking.values()))
        epochs = _epochs(settings, [asking.get(s, spare) for s in running])
        stopped[0] = stop()
        for s in list(asking):
            go_on(s, epochs[s])
    return [outcomes[s] for s in running]


def _epochs(settings: Settings, states: list[TrainState]) -> list[Epoch]:
    start, data = time.perf_counter(), settings.data
    assert isinstance(data, dict)
    B, prepare = settings.batch_size, settings.prepare
    stacked = _stacked(states)
    together, metrics = seeds_epoch(settings.step, stacked, data, batch_size=B, prepare=prepare)
    seen: Seen = hosts.fetched(_looked(together, metrics))
    seconds = time.perf_counter() - start
    each = [jax.tree.map(lambda leaf, s=s: np.asarray(leaf[s]), seen) for s in range(len(states))]
    return [Epoch(*of, seconds) for of in zip(_apart(together), each, strict=True)]


@jax.jit
def _stacked(states: list[TrainState]) -> TrainState:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)


@jax.jit
def _apart(states: TrainState) -> list[TrainState]:
    def one(s: int) -> TrainState:
        return jax.tree.map(lambda leaf: leaf[s], states)

    return [one(s) for s in range(states.step.shape[0])]


_looked = jax.jit(jax.vmap(look))
