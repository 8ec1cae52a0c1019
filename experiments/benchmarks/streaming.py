"""What reading from a disk costs an epoch: `stream_epoch` beside `train_epoch`.

python -m experiments.benchmarks.streaming
"""

import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import optax
import tyro

from experiments.benchmarks.results import save
from vae_jax import TrainState, descend, standard_gaussian, train_epoch, vae, weighted_sum
from vae_jax.data import Source, binarise, open_array, open_images, read_images
from vae_jax.networks import MLP, BernoulliHead, GaussianHead, Network
from vae_jax.train import stream_epoch

_ROUNDS, _BATCH, _SHAPE = 7, 100, (28, 28, 1)

Epoch = Callable[[TrainState], TrainState]
Setting = tuple[Callable[[], TrainState], dict[str, Epoch]]  # a new state, the ways of an epoch


def arrays(folder: Path, images: int = 20_000, batch_size: int = _BATCH) -> Setting:
    """An .npy, mapped into memory"""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (images, *_SHAPE), dtype=np.uint8)
    np.save(folder / "x.npy", x)
    return _setting(x, open_array(folder / "x.npy"), batch_size)


def pictures(folder: Path, images: int = 2_000, batch_size: int = _BATCH) -> Setting:
    """A folder of PNG, decoded anew"""
    from PIL import Image

    rng = np.random.default_rng(0)
    for i in range(images):
        # Blocks of 4x4: noise in every pixel would compress, and decode, like no picture.
        pixels = np.kron(rng.integers(0, 256, (7, 7), dtype=np.uint8), np.ones((4, 4), np.uint8))
        Image.fromarray(pixels).save(folder / f"{i:05}.png")
    return _setting(read_images(folder).x, open_images(folder), batch_size)


def rates(setting: Setting, images: int, rounds: int = _ROUNDS) -> dict[str, float]:
    """Examples a second of each way: medians over rounds, the ways in turn, after one warm-up."""
    start, ways = setting
    states = {name: epoch(start()) for name, epoch in ways.items()}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, epoch in ways.items():
            begin = time.perf_counter()
            states[name] = jax.block_until_ready(epoch(states[name]))
            seconds[name].append(time.perf_counter() - begin)
    return {name: images / statistics.median(spent) for name, spent in seconds.items()}


def main(out: Path = Path("results/streaming.json")) -> None:
    """Print one table.

    Args:
      out: File of all that was measured.
    """
    print(
        f"{jax.devices()[0]}, {os.cpu_count()} cores ({platform.machine()}), jax"
        f" {jax.__version__}, medians of {_ROUNDS}, batches of {_BATCH} images 28x28"
    )
    print(f"{'':32}  {'way':22} {'examples/s':>10}  {'of scanned':>10}")
    examples_a_second = {}
    for prepared, images in ((arrays, 20_000), (pictures, 2_000)):
        with tempfile.TemporaryDirectory() as folder:
            measured = rates(prepared(Path(folder), images), images)
        examples_a_second[prepared.__name__] = measured
        for name, rate in measured.items():
            part = rate / measured["in memory, scanned"]
            print(f"{prepared.__doc__:32}  {name:22} {rate:10,.0f}  {part:10.2f}")
    save(out, "streaming", {"examples_a_second": examples_a_second})


def _setting(x: np.ndarray, source: Source, batch_size: int) -> Setting:
    encoder = Network(MLP((200, 200)), GaussianHead((50,)))
    decoder = Network(MLP((200, 200)), BernoulliHead(_SHAPE))
    model = vae(encoder, decoder, standard_gaussian(50))
    step, prepare = descend(weighted_sum(model), optax.adam(1e-3)), binarise(255)
    params, data = model.init(jax.random.key(0), x[0]), {"x": x}

    def in_memory(scan: bool) -> Epoch:
        return lambda state: train_epoch(
            step, state, data, batch_size=batch_size, prepare=prepare, scan=scan
        )[0]

    def streamed(state: TrainState) -> TrainState:
        return stream_epoch(step, state, source, batch_size=batch_size, prepare=prepare)[0]

    ways = {"in memory, scanned": in_memory(True), "in memory, one by one": in_memory(False)}
    return lambda: step.init(jax.random.key(1), params), {**ways, "streamed": streamed}


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m experiments.benchmarks.streaming"))
