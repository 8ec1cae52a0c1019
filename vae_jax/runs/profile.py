"""A trace of some steps, by `jax.profiler`, in the folder profile/ of a run."""

import contextlib
from pathlib import Path
from typing import Any

import jax

from vae_jax import hosts
from vae_jax.configs import Data, Experiment
from vae_jax.runs.divide import epoch_steps
from vae_jax.runs.training import Training
from vae_jax.runs.trial import trial
from vae_jax.types import Params

_STEPS = 20


def save_profile(folder: Path, experiment: Experiment, data: Data, training: Training) -> int:
    """Trace some steps from the run's first parameters, which are compiled before, and train
    nothing that is kept; how many they were.

    `folder` then has plugins/profile/<time>/, with an .xplane.pb for TensorBoard's profiler and a
    .trace.json.gz for https://ui.perfetto.dev.
    """
    steps = min(_STEPS, epoch_steps(experiment, data, training))
    with contextlib.ExitStack() as tracing:

        def report(row: dict[str, Any], params: Params) -> None:
            if row["epoch"] == 1 and hosts.is_first():  # it compiled: the next is traced
                tracing.enter_context(jax.profiler.trace(folder))

        trial(experiment, data, training, steps, report, evaluated=False)
    return steps
