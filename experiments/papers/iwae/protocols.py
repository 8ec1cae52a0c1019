"""Protocols: how a row is trained. All by Adam, b1 = .9, b2 = .999, eps = 1e-4."""

from collections.abc import Callable
from typing import Any, NamedTuple

import optax

from experiments.papers.iwae.rows import Row
from vae_jax.objectives import Objective
from vae_jax.train import Step, averaged, descend

_STAGES = 8  # of Burda et al. 2015: 3^i passes each, 3,280 in all


class Settings(NamedTuple):
    """The numbers of a protocol.

    Fields:
      batch_size: images a step.
      epochs: passes over the training images.
      learning_rate: at the start.
      average: the decay of an average of the parameters, which is then scored; None for none.
    """

    batch_size: int
    epochs: int
    learning_rate: float
    average: float | None = None


class Protocol(NamedTuple):
    """Settings for each of the data, and (learning rate, steps) -> the schedule."""

    settings: dict[str, Settings]
    schedule: Callable[[float, int], optax.Schedule]


def stages(learning_rate: float, steps: int) -> optax.Schedule:
    """Stage i = 0 .. 7 takes 3^i of 3,280 parts of the steps, at learning_rate * 10^(-i/7).

    Reference: Burda, Grosse, Salakhutdinov 2015, arXiv 1509.00519, section 5.
    """
    total = (3**_STAGES - 1) // 2
    rates = [learning_rate * 10 ** (-i / (_STAGES - 1)) for i in range(_STAGES)]
    ends = [round(steps * (3**i - 1) / 2 / total) for i in range(1, _STAGES)]
    return optax.join_schedules([optax.constant_schedule(rate) for rate in rates], ends)


def cosine(learning_rate: float, steps: int) -> optax.Schedule:
    """Half a cosine, from the learning rate to zero."""
    return optax.cosine_decay_schedule(learning_rate, steps)


PROTOCOLS = {
    "paper": Protocol(dict.fromkeys(("dynamic", "fixed"), Settings(20, 3280, 1e-3)), stages),
    "short": Protocol(
        {"dynamic": Settings(100, 600, 2e-3), "fixed": Settings(100, 700, 2e-3)}, cosine
    ),
}


def make_settings(protocol: str, row: Row, **given: Any) -> Settings:
    """The protocol's numbers for a row, but for those that are given. ValueError: no such one.

    An average of 0 is none.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"there is no protocol {protocol!r}; there are {', '.join(PROTOCOLS)}.")
    changed = {name: value for name, value in given.items() if value is not None}
    settings = PROTOCOLS[protocol].settings[row.data]._replace(**changed)
    return settings._replace(average=settings.average or None)


def make_step(protocol: str, settings: Settings, objective: Objective, steps: int) -> Step:
    """The step of a run of so many steps."""
    schedule = PROTOCOLS[protocol].schedule(settings.learning_rate, steps)
    step = descend(objective, optax.adam(schedule, b1=0.9, b2=0.999, eps=1e-4))
    return step if settings.average is None else averaged(step, settings.average)
