"""Time of a draw, value by value: by steps, and by a whole pass for each place.

Draws of 16 events at once, of networks at their first values; the least of several rounds.

  python -m experiments.benchmarks.draws --out FOLDER
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import tyro

from experiments.benchmarks import results
from vae_jax import Autoregressive
from vae_jax.networks import (
    AutoregressiveHead,
    BernoulliHead,
    CategoricalHead,
    CausalRecurrent,
    CausalTransformer,
    GatedPixelCNN,
    WaveNet,
    centred,
    dilations_of,
    one_hot,
)

_T, _K = 64, 65  # characters, and how many kinds there are
_HEAD = "| decoder | event | a draw, ms | by passes, ms |"
_LATENT = jnp.zeros(8)


class Row(NamedTuple):
    """A network, what it draws, and milliseconds of one of the draws made at once; of passes None,
    where they were not made."""

    name: str
    event: str
    steps: float
    passes: float | None


def characters(network: Any) -> AutoregressiveHead:
    """Windows of characters."""
    return AutoregressiveHead(network, CategoricalHead((_T,), _K), one_hot(_K))


def pixels(network: Any) -> AutoregressiveHead:
    """Binary images of MNIST's size."""
    return AutoregressiveHead(network, BernoulliHead((28, 28, 1)), centred(0.5, 0.5))


CASES: dict[str, tuple[str, Callable[[], AutoregressiveHead]]] = {
    "`CausalTransformer(64)`": (
        f"{_T} characters",
        lambda: characters(CausalTransformer(_T, 64)),
    ),
    "`CausalRecurrent(64)`": (f"{_T} characters", lambda: characters(CausalRecurrent(64))),
    "`WaveNet(dilations_of(64))`": (
        f"{_T} characters",
        lambda: characters(WaveNet(dilations_of(_T))),
    ),
    "`GatedPixelCNN(16, 4)`": ("28x28 binary pixels", lambda: pixels(GatedPixelCNN(16, 4))),
}


def row(name: str, number: int, rounds: int, most: int) -> Row:
    """The times of one network; by passes where the event has no more places than `most`."""
    event, make = CASES[name]
    head = make()
    params = jax.jit(head.init)(jax.random.key(0), _LATENT)
    q: Any = head.apply(params, _LATENT)
    by_steps = seconds(q, number, rounds)
    few = jnp.zeros(q.shape).size <= most
    by_passes = seconds(q.replace(steps=None), number, rounds) if few else None
    each = [None if s is None else round(1e3 * s / number, 2) for s in (by_steps, by_passes)]
    return Row(name, event, each[0] or 0.0, each[1])


def seconds(q: Autoregressive, number: int, rounds: int) -> float:
    """Of so many draws at once, the least of the rounds after the first, which compiles."""
    draw, times = jax.jit(jax.vmap(q.sample)), list[float]()
    for turn in range(rounds + 1):
        keys = jax.random.split(jax.random.key(turn), number)
        start = time.perf_counter()
        draw(keys).block_until_ready()
        times.append(time.perf_counter() - start)
    return min(times[1:])


def table_of(rows: Sequence[Row]) -> str:
    """A row for each network, as Markdown."""
    rule = "|" + " --- |" * (_HEAD.count("|") - 1)
    return "\n".join([_HEAD, rule, *map(_line, rows)])


def load(path: Path) -> list[Row]:
    """The rows that were kept."""
    return [Row(*each) for each in json.loads(path.read_text(encoding="utf-8"))["rows"]]


def main(
    number: int = 16, rounds: int = 5, most: int = 64, out: Path = Path("results")
) -> list[Row]:
    """Time draws of decoders that make one value after the other.

    Args:
      number: Of draws at once.
      rounds: Of which the least is taken.
      most: Places of an event that is drawn by passes, too.
      out: Folder of draws.json.
    """
    rows = [row(name, number, rounds, most) for name in CASES]
    results.save(out / "draws.json", "draws", {"rows": rows})
    print(table_of(rows))
    return rows


def _line(r: Row) -> str:
    passes = "" if r.passes is None else f"{r.passes:.2f}"
    return f"| {r.name} | {r.event} | {r.steps:.2f} | {passes} |"


if __name__ == "__main__":
    tyro.cli(main, prog="python -m experiments.benchmarks.draws")
    sys.exit()
