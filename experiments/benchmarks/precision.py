"""Nats after the same steps in float32 and in bfloat16, on real MNIST.

    python -m experiments.benchmarks.precision --raw FOLDER      # a few minutes on two CPU cores
    python -m experiments.benchmarks.precision --table

FOLDER has mnist/, as it was downloaded. 9,900 of its images are trained on and 1,100 others scored;
a row is two runs of the same key, steps and order, and a third in float32 of another key, for what
is to be expected of chance. A CPU only emulates bfloat16: the times say nothing, the numbers do.
"""

import json
import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import tyro

from experiments.benchmarks.defaults import mnist
from experiments.benchmarks.results import measured
from vae_jax import evaluate, runs
from vae_jax.configs.choices import Choices
from vae_jax.models import VAE
from vae_jax.runs import Run, Training, load_run
from vae_jax.types import Array, Params

OUT = Path("results/precision.json")
Json = dict[str, Any]
_SAMPLES = 100  # of log p(x)
_HEAD = (
    "| model | steps | float32 | bfloat16, more | evaluated in float32, more | another key, more |",
    "| --- | --- | --- | --- | --- | --- |",
)


class Row(NamedTuple):
    """A model, and how long it is trained."""

    choices: Choices
    epochs: int
    batch_size: int = 100


ROWS = {
    "mlp, Bernoulli": Row(Choices(network="mlp", likelihood="bernoulli"), 20),
    "mlp, Gaussian": Row(Choices(network="mlp"), 20),
    "conv, Bernoulli": Row(Choices(network="conv", likelihood="bernoulli"), 5),
}


def measure(row: Row, images: Path, folder: Path) -> Json:
    """Three runs, and -log p(x) of each test image by each; of bfloat16 by its model in float32 as
    well."""
    plain = _trained(row, images, folder / "plain")
    rounded = _trained(row, images, folder / "rounded", dtype="bfloat16")
    other = _trained(row, images, folder / "other", seed=1)
    nats = _nats(plain.model, plain.params, plain)
    found = {
        "more": _nats(rounded.model, rounded.params, plain),
        "more_in_full": _nats(plain.model, rounded.params, plain),
        "more_of_another_key": _nats(other.model, other.params, plain),
    }
    rows = (plain.folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return {
        "steps": max(read.get("step", 0) for read in map(json.loads, rows)),
        "float32": evaluate.mean(nats)._asdict(),
        **{name: evaluate.mean(one - nats)._asdict() for name, one in found.items()},
    }


def line(name: str, found: Json) -> str:
    """A row of the table, as Markdown."""
    keys = ("more", "more_in_full", "more_of_another_key")
    more = [f"{found[k]['value']:+.2f} ± {found[k]['standard_error']:.2f}" for k in keys]
    nats = f"{found['float32']['value']:.2f}"
    return f"| {' | '.join([name, format(found['steps'], ','), nats, *more])} |"


def table_of(result: Json) -> str:
    """The table, as Markdown."""
    return "\n".join([*_HEAD, *(line(name, found) for name, found in result["rows"].items())])


def main(
    raw: Path | None = None, rows: tuple[str, ...] = (), table: bool = False, out: Path = OUT
) -> int:
    """Measure, or show what was measured.

    Args:
      raw: The folder of the raw data.
      rows: Names of rows; by default all.
      table: Print the table of what was measured.
      out: The file of it.
    """
    if table:
        print(table_of(json.loads(out.read_text(encoding="utf-8"))))
        return 0
    if raw is None:
        raise SystemExit("--raw FOLDER: where the raw data are; or --table")
    one = partial(_measured, raw)
    for name, found in measured(out, "precision", tuple(ROWS), rows, one):
        print(line(name, found), flush=True)
    return 0


def _measured(raw: Path, name: str) -> Json:
    with tempfile.TemporaryDirectory() as folder:
        return measure(ROWS[name], mnist(raw, Path(folder)), Path(folder))


def _trained(row: Row, images: Path, folder: Path, dtype: str = "float32", seed: int = 0) -> Run:
    choices = replace(row.choices, dtype=dtype)
    options = {"data": str(images), "epochs": row.epochs, "batch_size": row.batch_size}
    options |= {"choices": choices, "seed": seed}
    runs.start("images", options, Training(score=False, pictures=False), folder)
    return load_run(folder)


def _nats(model: VAE, params: Params, run: Run) -> Array:
    """-log p(x) of each test image, at most."""
    test, key = run.experiment.examples.load().test, jax.random.key(0)
    return -evaluate.log_likelihoods(model, params, key, test, num_samples=_SAMPLES).value


if __name__ == "__main__":
    sys.exit(tyro.cli(main, description=__doc__))
