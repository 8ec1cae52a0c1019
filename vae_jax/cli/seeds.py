"""Runs from several seeds, in turn or at once, and a table of what they have in common."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
from rich.table import Table

from vae_jax import hosts, runs
from vae_jax.cli.choice import Asked
from vae_jax.cli.command import Configs, fail
from vae_jax.cli.terminal import console, say
from vae_jax.cli.watched import watched, watched_at_once
from vae_jax.report.numbers import QUANTITIES, number
from vae_jax.runs import Ended, Watch
from vae_jax.runs.at_once import Outcome, start_at_once
from vae_jax.runs.folder import write_json
from vae_jax.runs.seeds import check_same, place_of, seeds_of, together
from vae_jax.train import NotFiniteError

Json = dict[str, Any]


def start_seeds(asked: Asked, configs: Configs) -> int:
    """Train, or go on, from each seed in turn; the exit status is that of the first that failed."""
    if "seed" not in asked.chosen.options:
        raise ValueError(f"{asked.chosen.name} has no option seed: leave --seeds out.")
    if asked.training.time is not None:
        raise ValueError("Seeds are compared after as many epochs: epochs=<a number>, and no time.")
    seeds = seeds_of(asked.seeds)
    place = Path(hosts.agreed(lambda: str(place_of(asked.chosen.name, asked.out))))
    if asked.at_once:
        return _at_once(asked, seeds, place, configs)
    scores: dict[int, Json] = {}
    for seed in seeds:
        say(f"\nSeed {seed}, in {place / _folder(seed)}")
        ended, status = _run(asked, seed, place, configs)
        if status:
            say(f"The same command with --out {place} goes on with the other seeds.")
            return status
        if ended.scores is not None:
            scores[seed] = ended.scores
        jax.clear_caches()  # of a model that no other seed shares
    if len(scores) == len(seeds):
        _report(place, together(scores))
    return 0


def _at_once(asked: Asked, seeds: list[int], place: Path, configs: Configs) -> int:
    """All in one program. The exit status is that of a signal, or 1 where one of them failed."""
    name, options = asked.chosen
    folders = {seed: place / _folder(seed) for seed in seeds}

    def go(watches: dict[int, Watch]) -> dict[int, Outcome]:
        return start_at_once(name, options, asked.training, folders, watches, configs)

    say(f"\nSeeds {', '.join(map(str, seeds))} at once, in {place}")
    with _leaving_nothing(place):
        ended, status = watched_at_once(seeds, go)
    failed = {seed: end for seed, end in ended.items() if isinstance(end, NotFiniteError)}
    for seed, error in failed.items():
        fail(f"seed {seed}: {error}")
    if status:
        say(f"The same command with --out {place} goes on with them.")
        return status
    scores = {seed: end.scores for seed, end in ended.items() if isinstance(end, Ended)}
    scored = {seed: found for seed, found in scores.items() if found is not None}
    if len(scored) > 1:
        _report(place, together(scored))
    return 1 if failed else 0


def _run(asked: Asked, seed: int, place: Path, configs: Configs) -> tuple[Ended, int]:
    name, options = asked.chosen.name, {**asked.chosen.options, "seed": seed}
    folder = place / _folder(seed)

    def go(watch: Watch) -> Ended:
        if hosts.agreed((folder / "config.json").exists):
            check_same(folder, name, options, asked.training)
            return runs.resume(folder, watch=watch, configs=configs)
        return runs.start(name, options, asked.training, folder, watch, configs)

    with _leaving_nothing(place):
        return watched(go)


@contextlib.contextmanager
def _leaving_nothing(place: Path) -> Iterator[None]:
    """What cannot be trained leaves no folder."""
    try:
        yield
    except Exception:
        with contextlib.suppress(OSError):
            place.rmdir()
        raise


def _folder(seed: int) -> str:
    return f"seed-{seed}"


def _report(place: Path, found: Json) -> None:
    table = Table("", "mean", "standard deviation", *(f"seed {seed}" for seed in found["seeds"]))
    for quantity in QUANTITIES:
        if quantity.value in found["scores"]:
            spread = found["scores"][quantity.value]
            signed = [quantity.sign * v for v in (spread["mean"], *spread["values"])]
            mean, *values = map(number, signed)
            table.add_row(quantity.label, mean, number(spread["standard_deviation"]), *values)
    console.print(table)
    write_json(place / "seeds.json", found)
    say(str(place / "seeds.json"))
