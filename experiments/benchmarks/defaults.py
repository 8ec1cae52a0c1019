"""What the defaults of the data configs make of several sets, beside densities without latents.

    python -m experiments.benchmarks.defaults --raw FOLDER      # all rows, or --rows digits series
    python -m experiments.benchmarks.defaults --table

FOLDER has fashion_mnist/, mnist/, cifar10_subset/ and tinyshakespeare/, as they were downloaded;
the other sets ship with scikit-learn, or are made here. Each row is a run with the options shown.
"""

import gzip
import inspect
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tyro

from experiments.benchmarks.results import measured
from vae_jax import runs
from vae_jax.configs import find
from vae_jax.runs import Training

OUT = Path("results/defaults.json")
Json = dict[str, Any]
_HEAD = (
    "| data | command | training, s | -log p(x), nats | independent | all covariances | active |"
)


class Row(NamedTuple):
    """A set, the config that it is for, and the choices that are other than its defaults."""

    data: Callable[[Path, Path], Path]  # (raw, folder) -> a file in the folder
    config: str
    choices: Json = {}  # noqa: RUF012
    options: Json = {}  # noqa: RUF012


def digits(raw: Path, folder: Path) -> Path:
    """Handwritten digits, 8x8, as grey levels."""
    from sklearn.datasets import load_digits

    return _images(folder, load_digits().images.astype(np.uint8) * 15)


def fashion(raw: Path, folder: Path) -> Path:
    """10,000 images of Fashion-MNIST, 28x28."""
    return _images(folder, _idx(raw / "fashion_mnist/train-images-idx3-ubyte.gz")[:11_000])


def mnist(raw: Path, folder: Path) -> Path:
    """10,000 images of MNIST, 28x28."""
    return _images(folder, _idx(raw / "mnist/train-images-idx3-ubyte.gz")[:11_000])


def cifar(raw: Path, folder: Path) -> Path:
    """5,000 images of CIFAR-10, 32x32 RGB."""
    with np.load(raw / "cifar10_subset/cifar10_subset.npz") as file:
        return _images(folder, file["train_images"])


def patches(raw: Path, folder: Path) -> Path:
    """Patches of scikit-learn's two photographs, 16x16 RGB."""
    from sklearn.datasets import load_sample_images

    corners = [(y, x) for y in range(0, 412, 12) for x in range(0, 624, 12)]
    images = load_sample_images().images
    return _images(
        folder, np.stack([i[y : y + 16, x : x + 16] for i in images for y, x in corners])
    )


def table(raw: Path, folder: Path) -> Path:
    """The 569 rows of 30 numbers on breast cancer that ship with scikit-learn."""
    from sklearn.datasets import load_breast_cancer

    np.save(folder / "table.npy", load_breast_cancer().data.astype(np.float32))
    return folder / "table.npy"


def waves(raw: Path, folder: Path) -> Path:
    """2,000 series of 64 times and 2 channels: noisy sines of one frequency, two phases."""
    rng = np.random.default_rng(0)
    frequency, phase = rng.uniform(1, 4, (2000, 1, 1)), rng.uniform(0, 2 * np.pi, (2000, 1, 2))
    times = np.linspace(0, 1, 64)[None, :, None]
    x = np.sin(2 * np.pi * frequency * times + phase) + 0.1 * rng.normal(size=(2000, 64, 2))
    np.save(folder / "waves.npy", x.astype(np.float32))
    return folder / "waves.npy"


def text(raw: Path, folder: Path) -> Path:
    """The first 300,000 characters of tinyshakespeare."""
    path = folder / "text.txt"
    text = (raw / "tinyshakespeare/input.txt").read_text(encoding="utf-8")
    path.write_text(text[:300_000], encoding="utf-8")
    return path


_MLP = {"network": "mlp"}
_LEARNED = {"network": "mlp", "scale": "dimension"}  # of each dimension, the same for every z

ROWS = {
    "digits": Row(digits, "images"),
    "digits, mlp": Row(digits, "images", _MLP),
    "digits, mlp, learned scales": Row(digits, "images", _LEARNED),
    "fashion": Row(fashion, "images"),
    "fashion, mlp": Row(fashion, "images", _MLP),
    "fashion, mlp, learned scales": Row(fashion, "images", _LEARNED),
    "mnist, bernoulli": Row(mnist, "images", {"likelihood": "bernoulli"}),
    "cifar": Row(cifar, "images"),
    "patches": Row(patches, "images"),
    "patches, mlp": Row(patches, "images", _MLP),
    "patches, mlp, learned scales": Row(patches, "images", _LEARNED),
    "table": Row(table, "vectors"),
    "table, predicted scales": Row(table, "vectors", {"scale": "predicted"}),
    "series": Row(waves, "series"),
    "series, predicted scales": Row(waves, "series", {"scale": "predicted"}),
    "text": Row(text, "text"),
}


def measure(row: Row, raw: Path) -> Json:
    """A run of the row: seconds of training, and its scores."""
    config = find(row.config).load()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = inspect.signature(config).parameters["choices"].default  # the config's own
        chosen = replace(made, **row.choices)
        options = {"data": str(row.data(raw, folder)), "choices": chosen, **row.options}
        start = time.perf_counter()
        ended = runs.start(row.config, options, Training(), folder / "run")
        metrics = (folder / "run/metrics.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [line for line in map(json.loads, metrics) if line["data"] == "train"]
    return {
        "data": " ".join((row.data.__doc__ or "").split()),
        "command": _command(row),
        "training_seconds": sum(line["seconds"] for line in rows),
        "all_seconds": time.perf_counter() - start,
        "scores": ended.scores,
    }


def line(found: Json) -> str:
    """A row of the table, as Markdown."""
    scores = found["scores"]
    bits, beside = scores.get("bits_per_dim"), scores.get("baselines_bits_per_dim", {})
    baselines = scores["baselines"]

    def told(nats: float | None, bits: float | None) -> str:
        if nats is None:
            return ""
        return f"{-nats:.1f}" + (f" ({bits:.2f} bits)" if bits is not None else "")

    active = scores["active_units"]
    cells = [
        found["data"].rstrip("."),
        f"`{found['command']}`",
        f"{found['training_seconds']:.0f}",
        told(scores["log_likelihood"]["value"], bits),
        told(baselines.get("independent"), beside.get("independent")),
        told(baselines.get("full_covariance"), beside.get("full_covariance")),
        f"{active['number']} of {active['latents']}",
    ]
    return f"| {' | '.join(cells)} |"


def table_of(result: Json) -> str:
    """The table, as Markdown."""
    rule = "|" + " --- |" * (_HEAD.count("|") - 1)
    return "\n".join([_HEAD, rule, *map(line, result["rows"].values())])


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
    for _, found in measured(out, "defaults", tuple(ROWS), rows, one):
        print(line(found), flush=True)
    return 0


def _measured(raw: Path, name: str) -> Json:
    return measure(ROWS[name], raw)


def _command(row: Row) -> str:
    given = {**row.choices, **row.options}
    return " ".join([row.config, "--data FILE", *(_spelt(n, value) for n, value in given.items())])


def _spelt(name: str, value: Any) -> str:
    values = value if isinstance(value, tuple) else (value,)
    return " ".join([f"--{name.replace('_', '-')}", *map(str, values)])


def _images(folder: Path, images: np.ndarray) -> Path:
    path = folder / "images.npy"
    np.save(path, np.random.default_rng(0).permutation(images))
    return path


def _idx(path: Path) -> np.ndarray:
    content = gzip.decompress(path.read_bytes())
    side = math.isqrt((len(content) - 16) // int.from_bytes(content[4:8]))
    return np.frombuffer(content, np.uint8, offset=16).reshape(-1, side, side)


if __name__ == "__main__":
    sys.exit(tyro.cli(main, description=__doc__))
