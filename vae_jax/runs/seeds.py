"""The same run from several seeds: a folder each, and what their scores are together."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vae_jax.configs.options import to_json
from vae_jax.report.numbers import flatten
from vae_jax.report.run import finite
from vae_jax.runs.folder import read_config
from vae_jax.runs.training import Training

Json = dict[str, Any]


def seeds_of(given: Sequence[int]) -> list[int]:
    """One number n says how many, 0 to n - 1; several are the seeds themselves.

    Raises:
      ValueError: fewer than two seeds, one not in 0 .. 2^32 - 1, or one that is there twice.
    """
    seeds = list(range(given[0])) if len(given) == 1 else list(given)
    if len(seeds) < 2:
        raise ValueError(f"seeds=<3> is how many, two at least; one seed is seed=<{given[0]}>.")
    if not 0 <= min(seeds) <= max(seeds) < 2**32 or len(set(seeds)) < len(seeds):
        raise ValueError(f"Seeds are different numbers, 0 .. {2**32 - 1:,}; got {seeds}.")
    return seeds


def place_of(name: str, out: Path | None) -> Path:
    """The folder of the runs' folders: `out`, or runs/<name>-seeds-<n> with the first n free."""
    if out is not None:
        return out
    number = 1
    while (place := Path("runs") / f"{name}-seeds-{number}").exists():
        number += 1
    return place


def check_same(folder: Path, name: str, options: Json, training: Training) -> None:
    """ValueError where the run in a folder is of another config, or of other options."""
    config = read_config(folder)
    asked = {"config": name, "options": to_json(options), "training": vars(training)}
    if any(config[part] != _as_read(content) for part, content in asked.items()):
        raise ValueError(
            f"{folder} holds a run of other options: name another folder, out=<a new folder>."
        )


def together(scores: Mapping[int, Json]) -> Json:
    """Mean and standard deviation over seeds (divided by n - 1) of every number that all have.

    Args:
      scores: evaluation.json by seed, of two seeds at least.

    Returns:
      {"seeds": [...], "scores": {"elbo.rate": {"mean", "standard_deviation", "values"}, ...}}
    """
    flat = [flatten(one) for one in scores.values()]
    names = [name for name in flat[0] if all(finite(one.get(name)) for one in flat)]
    return {
        "seeds": list(scores),
        "scores": {name: _spread([one[name] for one in flat]) for name in names},
    }


def _as_read(content: Any) -> Any:
    return json.loads(json.dumps(content, default=str))


def _spread(values: list[float]) -> Json:
    return {
        "mean": statistics.fmean(values),
        "standard_deviation": statistics.stdev(values),
        "values": values,
    }
