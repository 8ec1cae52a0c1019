"""Runs from several seeds trained at once, each in a folder of its own, as it would be alone."""

import contextlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vae_jax import hosts
from vae_jax.configs import Config
from vae_jax.runs import folder as run_folder
from vae_jax.runs.lock import locked
from vae_jax.runs.seeds import check_same
from vae_jax.runs.status import has_begun
from vae_jax.runs.stretches import stretches_of
from vae_jax.runs.train import prepared
from vae_jax.runs.training import Training
from vae_jax.runs.watch import Ended, Watch
from vae_jax.runs.work import Work, begin, fail, finish, fit_options, reporter
from vae_jax.train import Fitted, NotFiniteError, fit_seeds

Json = dict[str, Any]
Outcome = Ended | NotFiniteError


def start_at_once(
    name: str,
    options: Json,
    training: Training,
    folders: Mapping[int, Path],
    watches: Mapping[int, Watch],
    configs: Mapping[str, Config] | None = None,
) -> dict[int, Outcome]:
    """Train a run for each seed, or go on with it, all in one program; then score and draw each.

    The model, its data and its step are those of the first seed: a seed is of keys alone.

    Args:
      name, options, training, configs: as of `start`; options with a seed.
      folders: by seed; those that are there are gone on with.
      watches: who looks on, by seed; the first one is asked when to stop.

    Returns:
      By seed how its run ended, or what was not finite in it, which is in its failure.json.

    Raises:
      ValueError: a folder holds a run of other options, or one that was made longer. And what
        `start` raises, but NotFiniteError.
    """
    first, *_ = folders
    experiment, data, config = prepared(name, {**options, "seed": first}, training, configs=configs)
    works, new = [], [folder for folder in folders.values() if not folder.exists()]
    begun = hosts.agreed(lambda: [(f / "config.json").exists() for f in folders.values()])
    with contextlib.ExitStack() as stack:
        try:
            for (seed, folder), is_there in zip(folders.items(), begun, strict=True):
                if is_there:
                    _check_same(folder, name, {**options, "seed": seed}, training)
                else:
                    seeded = {**config["options"], "seed": seed}
                    _create(name, folder, {**config, "options": seeded})
                stack.enter_context(locked(folder))
                trained = experiment.trained._replace(seed=seed)
                stretches = stretches_of(config, experiment)
                of = experiment._replace(trained=trained)
                works.append(Work(folder, of, data, training, stretches, watches[seed]))
            outcomes = _run(works)
        except Exception:
            for folder in (folder for folder in new if folder.exists()):
                if hosts.is_first() and not has_begun(folder):
                    shutil.rmtree(folder)
            raise
    return dict(zip(folders, outcomes, strict=True))


def _create(name: str, folder: Path, config: Json) -> None:
    hosts.agreed(lambda: str(run_folder.create(name, folder, config)))


def _check_same(folder: Path, name: str, options: Json, training: Training) -> None:
    """ValueError unless the folder's run is this one, and was not made longer."""
    check_same(folder, name, options, training)
    if run_folder.read_config(folder).get("extensions"):
        raise ValueError(f"{folder} was made longer: go on with it alone, --resume {folder}.")


def _run(works: Sequence[Work]) -> list[Outcome]:
    begun = [begin(work) for work in works]
    with contextlib.ExitStack() as stack:
        reports = [reporter(*pair, stack) for pair in zip(works, begun, strict=True)]
        fitted = fit_seeds(
            **fit_options(works[0]),
            keys=[one.fit_key for one in begun],
            folders=[work.folder / "checkpoints" for work in works],
            report=lambda member, row, params: reports[member](row, params),
            stop=works[0].watch.stop,
        )
    outcomes: dict[int, Outcome] = {}
    # those that were interrupted first: of the others a signal ends the scoring
    for s in sorted(range(len(works)), key=lambda s: not _interrupted(fitted[s])):
        end = fitted[s]
        if isinstance(end, NotFiniteError):
            fail(works[s], end)
        outcomes[s] = end if isinstance(end, NotFiniteError) else finish(works[s], begun[s], end)
    return [outcomes[s] for s in range(len(works))]


def _interrupted(end: Fitted | NotFiniteError) -> bool:
    return isinstance(end, Fitted) and end.ended == "interrupted"
