"""How a run is trained, whatever its config: schedule, clipping, averaging, stopping."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import optax

from vae_jax.checks import check_count
from vae_jax.configs import Experiment
from vae_jax.configs.kinds import brief, fits, kinds_of, spelt
from vae_jax.runs.events import check_events
from vae_jax.runs.stretches import Stretches
from vae_jax.train import Step, averaged


@dataclass(frozen=True)
class Training:
    """Options of every run.

    Args:
      evaluate_every: Epochs between evaluations on held-out data, which are also the moments of
        checkpoints; by default a tenth of the run.
      hold_out: Training examples set aside, to choose the best parameters by; 0 keeps the last
        parameters, and evaluates on the test data, to be looked at only.
      patience: Stop after so many evaluations without a better one; needs hold-out.
      metric: What is best: the highest evidence lower bound (of a model without a bound the lowest
        distortion), or the lowest distortion.
      schedule: The learning rate falls to zero along half a cosine, or is constant.
      warmup: Steps over which the learning rate first rises from zero.
      clip: The largest norm of a gradient, of each player; larger ones are scaled down to it.
      average: Decay of an exponential moving average of the parameters, such as 0.999, which is
        then what is evaluated and kept.
      keep: How many of the latest checkpoints are kept, besides the best.
      time: In place of the epochs, the time they may take, such as 5m or 1h30m, but for the scores.
      score: Score the model when its training has ended.
      importance_samples: K of the log p(x) among the scores; by default the config's.
      pictures: Draw pictures, at every evaluation.
      tensorboard: Write events for TensorBoard as well, into events/ of the run folder.
      profile: Trace some steps before the run begins, by jax.profiler, into profile/ of it.
    """

    evaluate_every: int | None = None
    hold_out: int = 0
    patience: int | None = None
    metric: Literal["elbo", "distortion"] = "elbo"
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup: int = 0
    clip: float | None = None
    average: float | None = None
    keep: int = 3
    time: str | None = None
    score: bool = True
    importance_samples: int | None = None
    pictures: bool = True
    tensorboard: bool = False
    profile: bool = False


def check_training(training: Training, steps: int) -> None:
    """ValueError where the options make no run of so many steps; ImportError where they need what
    is not installed."""
    check_count("keep", training.keep)
    if training.tensorboard:
        check_events()
    for name in ("evaluate_every", "patience", "importance_samples"):
        if getattr(training, name) is not None:
            check_count(name, getattr(training, name))
    if training.patience is not None and not training.hold_out:
        raise ValueError("patience needs held-out examples to be patient about: hold_out=<number>.")
    if not 0 <= training.warmup < steps:
        raise ValueError(
            f"warmup must be in 0 .. {steps - 1}, of {steps} steps; got {training.warmup}."
        )
    check_count("epochs times the steps of each", steps)
    if training.clip is not None and not training.clip > 0:
        raise ValueError(f"clip must be above 0; got {training.clip}.")
    if training.average is not None and not 0 < training.average < 1:
        raise ValueError(f"average must be in (0, 1), such as 0.999; got {training.average}.")


def training_of(options: dict[str, Any]) -> Training:
    """The options as config.json has them. ValueError for one that is none, or of another kind."""
    kinds = kinds_of(Training)
    for name, value in options.items():
        if name not in kinds:
            raise ValueError(f"The run's training has no option {name}; it has {', '.join(kinds)}.")
        if not fits(value, kinds[name]):
            kind, got = spelt(kinds[name]), brief(value)
            raise ValueError(f"The run's training option {name} must be {kind}; got {got}.")
    return Training(**options)


def evaluated_every(training: Training, epochs: int) -> int:
    """Epochs between evaluations, of so many that are to be trained."""
    return training.evaluate_every or max(1, epochs // 10)


def make_step(experiment: Experiment, training: Training, stretches: Stretches, steps: int) -> Step:
    """The step of a run of so many steps an epoch."""

    def optimize(
        make: Callable[[Any], optax.GradientTransformation], scale: float = 1.0, updates: int = 1
    ) -> optax.GradientTransformation:
        def made(learning_rate: Any) -> optax.GradientTransformation:
            return make(learning_rate)

        rate = schedule(training, stretches, scale, updates, steps)
        optimizer = optax.inject_hyperparams(made)(learning_rate=rate)  # so it is reported
        if training.clip is None:
            return optimizer
        return optax.chain(optax.clip_by_global_norm(training.clip), optimizer)

    step = experiment.trained.step(optimize)
    return step if training.average is None else averaged(step, training.average)


def schedule(
    training: Training, stretches: Stretches, scale: float, updates: int, steps: int
) -> optax.Schedule:
    """The learning rate at each update of a player: stretch after stretch, the first warmed up."""
    each = updates * steps  # of an epoch
    warmups = [updates * training.warmup, *(0 for _ in stretches[1:])]
    parts = [
        _part(training, scale * s.learning_rate, warmup, each * (s.epochs - s.after))
        for s, warmup in zip(stretches, warmups, strict=True)
    ]
    return optax.join_schedules(parts, [each * s.after for s in stretches[1:]])


def _part(training: Training, peak: float, warmup: int, updates: int) -> optax.Schedule:
    if training.schedule == "constant":
        rise = optax.linear_schedule(0.0, peak, warmup)
        return rise if warmup else optax.constant_schedule(peak)
    if warmup:
        return optax.warmup_cosine_decay_schedule(0.0, peak, warmup, updates)
    return optax.cosine_decay_schedule(peak, updates)
