"""Where the time of a training step goes: its parts, each alone in a compiled loop.

python -m experiments.benchmarks.anatomy

The floor of a step is what it cannot do without: its matrix products, at the speed this machine has
at their shapes, and Adam as XLA does it. The parts are measured in turn with the whole; inside the
whole some overlap, and others wait for each other, so that they need not add up to it.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import jax
import jax.numpy as jnp
import optax
import tyro

from experiments.benchmarks.cases import CASES, PIXELS, Case, Name, images
from experiments.benchmarks.contest import Turn
from experiments.benchmarks.jax_side import library
from experiments.benchmarks.machine import machine, matrix_products, operations
from experiments.benchmarks.models import example, model
from experiments.benchmarks.results import save
from vae_jax import Bernoulli, data
from vae_jax.types import Array, Key

Row = dict[str, Any]
Part = Callable[[Case, int], Turn]


def adam(case: Case, steps: int) -> Turn:
    """The optimizer's pass over parameters, gradients and moments."""
    params = model(case).init(jax.random.key(0), example(case))
    optimizer = optax.adam(case.learning_rate, eps=case.epsilon)

    def step(carried: Any, key: Key) -> Any:
        params, state, gradient = carried
        updates, state = optimizer.update(gradient, state)
        return optax.apply_updates(params, updates), state, gradient

    return _loop(step, (params, optimizer.init(params), params), steps)


def noise(case: Case, steps: int) -> Turn:
    """The draws from the posteriors: a key for each example and draw, and its normals."""

    def draw(key: Key) -> Array:
        keys = jax.random.split(key, max(case.draws, 1))
        return jax.vmap(lambda k: jax.random.normal(k, (case.latent,)))(keys)

    def step(total: Array, key: Key) -> Array:
        return total + jnp.sum(jax.vmap(draw)(jax.random.split(key, case.batch)))

    return _loop(step, jnp.zeros(()), steps)


def binarisation(case: Case, steps: int) -> Turn:
    """Drawing the pixels anew (which the training benchmark does not: its pixels are binary)."""
    grey = (255 * jnp.asarray(images(case.batch))).astype(jnp.uint8)
    prepare = data.binarise(255)

    def step(total: Array, key: Key) -> Array:
        keys = jax.random.split(key, case.batch)
        return total + jnp.sum(jax.vmap(prepare)(keys, {"x": grey})["x"])

    return _loop(step, jnp.zeros(()), steps)


def density(case: Case, steps: int) -> Turn:
    """The likelihood's log-density of logits that are there, and its gradient in them."""
    x = jnp.asarray(images(case.batch))
    logits = jax.random.normal(jax.random.key(0), (case.batch, max(case.draws, 1), PIXELS))

    def total(logits: Array) -> Array:
        each = jax.vmap(jax.vmap(lambda row, x: Bernoulli(row).log_prob(x), (0, None)))
        return jnp.sum(each(logits, x))

    def step(logits: Array, key: Key) -> Array:
        value, gradient = jax.value_and_grad(total)(logits)
        return logits + 1e-6 * gradient + 1e-12 * value

    return _loop(step, logits, steps)


def gathering(case: Case, steps: int) -> Turn:
    """Taking a batch out of the data."""
    x = jnp.asarray(images(20 * case.batch))

    def step(total: Array, key: Key) -> Array:
        return total + jnp.sum(x[jax.random.randint(key, (case.batch,), 0, len(x))])

    return _loop(step, jnp.zeros(()), steps)


PARTS: dict[str, Part] = {
    "whole": library,
    "products": matrix_products,
    "Adam": adam,
    "density": density,
    "noise": noise,
    "gathering": gathering,
    "(binarising)": binarisation,
}
_FLOOR = ("floor", "whole/floor")


def measure(case: Case, steps: int, rounds: int) -> Row:
    """Seconds of a step of each part: the median over rounds, in which they take turns."""
    turns = {name: part(case, steps) for name, part in PARTS.items()}
    seconds: dict[str, list[float]] = {name: [] for name in turns}
    for turn in turns.values():
        turn()
    for _ in range(rounds):
        for name, turn in turns.items():
            start = time.perf_counter()
            turn()
            seconds[name].append((time.perf_counter() - start) / steps)
    medians = {name: statistics.median(s) for name, s in seconds.items()}
    floors = [sum(parts) for parts in zip(seconds["products"], seconds["Adam"], strict=True)]
    ratios = [whole / floor for whole, floor in zip(seconds["whole"], floors, strict=True)]
    return {
        "case": case.name,
        "operations": operations(case),
        "adam_bytes": adam_bytes(case),
        "seconds": medians,
        "floor": statistics.median(floors),
        "over_floor": statistics.median(ratios),
        "every_seconds": seconds,
    }


def adam_bytes(case: Case) -> int:
    """The least that Adam moves: parameters, gradient, two moments read; all but one written."""
    params = jax.eval_shape(model(case).init, jax.random.key(0), example(case))
    return 7 * 4 * sum(leaf.size for leaf in jax.tree.leaves(params))


def main(
    rounds: int = 9,
    steps: int = 100,
    cases: tuple[Name, ...] = get_args(Name),
    out: Path = Path("results/anatomy.json"),
) -> None:
    """Time the parts of a training step.

    Args:
      rounds: Turns of each part, after one to warm up.
      steps: Of a turn.
      cases: Which of them.
      out: File of all that was measured.
    """
    print(_heading(rounds))
    rows = []
    for name in cases:
        rows.append(measure(CASES[name], steps, rounds))
        print(line(rows[-1]), flush=True)
    save(out, "anatomy", {"rows": rows})


def line(row: Row) -> str:
    """A row of the table."""
    columns = [f"{1e6 * s:,.0f}" for s in (*row["seconds"].values(), row["floor"])]
    columns += [f"{row['over_floor']:.2f}"]
    sizes = f"{row['operations'] / 1e6:8,.0f}{row['adam_bytes'] / 1e6:9.1f}"
    return f"{row['case']:10}{sizes}{_columns(*columns)}"


def _heading(rounds: int) -> str:
    about = machine()
    return "\n".join(
        [
            f"{about['processor']}, {about['threads']} threads, medians of {rounds}; us a step",
            "",
            f"{'':10}{'Mflop':>8}{'Adam MB':>9}{_columns(*PARTS, *_FLOOR)}",
        ]
    )


def _columns(*words: str) -> str:
    widths = (max(len(name), 6) + 2 for name in (*PARTS, *_FLOOR))
    return "".join(f"{word:>{width}}" for word, width in zip(words, widths, strict=True))


def _loop(step: Callable[[Any, Key], Any], first: Any, steps: int) -> Turn:
    """Turns of `steps` steps in one compiled loop, each with a key."""

    @jax.jit
    def run(carried: Any) -> Any:
        keys = jax.random.split(jax.random.key(0), steps)
        return jax.lax.scan(lambda c, key: (step(c, key), None), carried, keys)[0]

    def turn() -> float:
        jax.block_until_ready(run(first))
        return 0.0

    return turn


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m experiments.benchmarks.anatomy"))
