"""Training in one call."""

import contextlib
import os
from collections.abc import Callable

from vae_jax.calls import check_takes
from vae_jax.checkpoint import Checkpoints
from vae_jax.checks import check_count
from vae_jax.data import Prepare, Source
from vae_jax.evaluate.scores import Rate
from vae_jax.models import VAE
from vae_jax.objectives import batch_size as size_of
from vae_jax.objectives import rate
from vae_jax.train.epochs import steps_of
from vae_jax.train.loop import run
from vae_jax.train.records import Fitted, Row, Settings, held_out_score
from vae_jax.train.steps import Step
from vae_jax.types import Batch, Key, Params


def fit(
    model: VAE,
    step: Step,
    data: Batch | Source,
    *,
    key: Key,
    epochs: int,
    batch_size: int = 100,
    prepare: Prepare | None = None,
    held_out: Batch | None = None,
    rate: Rate | None = rate,
    score: Callable[[Row], float] | None = held_out_score,
    evaluate_every: int = 1,
    patience: int | None = None,
    patient_after: int = 0,
    folder: str | os.PathLike[str] | None = None,
    keep: int = 3,
    resume: bool = False,
    scan: bool = True,
    report: Callable[[Row, Params], None] = lambda row, params: None,
    stop: Callable[[], bool] = lambda: False,
) -> Fitted:
    """Train a model; in a folder, such that it can be interrupted at any moment and go on.

    A run that was interrupted and resumed ends with the same bits as one that was not, on the same
    machine; a GPU keeps that only under XLA_FLAGS=--xla_gpu_deterministic_ops=true.

    All devices of the machine are used, or as many as `devices.only` says: each has all parameters
    and an equal part of every batch, and the numbers are those of one device, but for rounding. A
    run may go on with another number of them. Where `jax.distributed` has made several processes
    one, each of which calls this alike, those of all are used (`vae_jax.hosts`): one `stop` stops
    all, and the folder is one that all share.

    Args:
      model: the VAE.
      step: `descend(objective, optimizer)`, `alternate(...)`, or `averaged` of one.
      data: {"x": [N, ...], "c": [N, ...]}, kept on every device, or, as `devices.divided` makes
        them, a part on each; or a `data.Source`, larger than memory.
      key: of the parameters' first values and of everything drawn.
      epochs: passes over the data, in all.
      batch_size: B; of several devices as many are used as divide it into equal parts, and it is
        warned of those that are idle.
      prepare: (key, example) -> example, {"x": ..., "c": ...}, anew at every step; see `data`.
      held_out: examples to evaluate on, prepared.
      rate: `rate` or `sampled_rate`: how the held-out bound is computed. None says that there is no
        bound, and reports none: of a posterior that is a Delta, of a likelihood that is no density.
      score: of a held-out row, the larger the better; the parameters of the best are returned. None
        chooses nothing and returns the last: for test data, which may only be looked at.
      evaluate_every: epochs between evaluations, which are also the moments of checkpoints.
      patience: stop after so many held-out scores without a better one.
      patient_after: patience begins anew after this epoch, from which the run was made longer.
      folder: for checkpoints; None keeps nothing on disk.
      keep: how many of the latest checkpoints are kept, besides the best.
      resume: go on from the latest checkpoint in the folder. (Where that of the best score has been
        removed, the best of the epochs from here on is chosen.)
      scan: see `train_epoch`.
      report: called with each row and the parameters as they are then, after the checkpoint is
        saved: what fails in it costs no epoch. A row is {"data": "train",
        "epoch", "step", the means of the metrics, "bound" (minus the metrics "distortion" and
        "rate", where an objective has terms of these names), "learning_rate" (of an optimizer in
        `optax.inject_hyperparams`), "seconds", "examples_per_second" (not of the first epoch, which
        compiles)}, or {"data": "held_out", "epoch", "elbo", "elbo_standard_error", "distortion",
        "rate"}, nats; without a bound {..., "distortion", "distortion_standard_error"}.
      stop: asked after each epoch; True saves a checkpoint and returns.

    Raises:
      FileExistsError: the folder holds checkpoints, and `resume` was not asked for.
      NotFiniteError: a loss, a score or a parameter is NaN or infinite; no checkpoint is made of
        it, and those before it stay.
      OSError: a checkpoint could not be written. ValueError: one could not be read.
      ValueError, TypeError: data outside the likelihood's support, of which the first 1,000
        examples and those held out are asked; conditions that the networks do not take, such as
        labels out of range (`evaluate.check_conditions`); options that make no sense; and, before
        anything is trained, whatever the first step and the first evaluation would raise, which are
        traced: a rate without a closed form, held-out examples of another shape or without
        conditions.
    """
    settings = Settings(
        model=model,
        step=step,
        data=data,
        epochs=epochs,
        batch_size=batch_size,
        prepare=prepare,
        held_out=held_out,
        rate=rate,
        score=score,
        evaluate_every=evaluate_every,
        patience=patience,
        patient_after=patient_after,
        scan=scan,
        report=report,
        stop=stop,
    )
    check_settings(settings)
    with contextlib.ExitStack() as stack:
        return run(settings, key, opened(stack, folder, keep, resume))


def opened(
    stack: contextlib.ExitStack, folder: str | os.PathLike[str] | None, keep: int, resume: bool
) -> Checkpoints | None:
    """The checkpoints of a folder, until the stack is left. FileExistsError where there are some,
    and `resume` was not asked for."""
    if folder is None:
        return None
    checkpoints = stack.enter_context(Checkpoints(folder, keep))
    if checkpoints.epochs and not resume:
        raise FileExistsError(
            f"{checkpoints.folder} holds checkpoints of epochs {checkpoints.epochs}: pass"
            " resume=True to go on from the last, or name a new folder."
        )
    return checkpoints


def check_settings(settings: Settings) -> None:
    """TypeError or ValueError for options that make no run."""
    _check_calls(settings)
    for name in ("epochs", "batch_size", "evaluate_every"):
        check_count(name, getattr(settings, name))
    data = settings.data
    steps_of(size_of(data) if isinstance(data, dict) else len(data), settings.batch_size)
    if settings.patience is None:
        return
    check_count("patience", settings.patience)
    if settings.held_out is None or settings.score is None:
        raise ValueError("patience needs held_out data and a score of them to be patient about.")


def _check_calls(settings: Settings) -> None:
    """TypeError for a function that cannot be called as it will be."""
    check_takes("report", settings.report, "row", "params")
    check_takes("stop", settings.stop)
    if settings.score is not None:
        check_takes("score", settings.score, "row")
