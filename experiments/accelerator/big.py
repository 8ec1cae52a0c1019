"""Is it big: the largest batch of a convolutional VAE that fits, and what random bits cost."""

import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.accelerator.jax_lanes import drawing
from experiments.accelerator.task import Json, Notes, Task
from experiments.benchmarks.cases import CASES, tiny
from experiments.benchmarks.contest import reason
from experiments.benchmarks.jax_side import library
from vae_jax import TrainState, descend, standard_gaussian, vae, weighted_sum
from vae_jax.networks import ConvDecoder, ConvEncoder, GaussianHead, LearnedScale, Network
from vae_jax.train import Step
from vae_jax.types import Batch

FIRST = 256  # images of the batch from which the largest is foretold
_SHARE = 0.92  # of the memory that a batch may be foretold to need


class Size(NamedTuple):
    """Images, and the channels of the networks."""

    side: int
    channels: tuple[int, ...]
    dtype: str

    @property
    def name(self) -> str:
        """As it is shown."""
        return f"{self.side}x{self.side} RGB, {self.dtype}"


SIZES = [
    Size(side, channels, dtype)
    for side, channels in ((32, (64, 128, 256)), (128, (32, 64, 128, 256)))
    for dtype in ("float32", "bfloat16")
]


def run(task: Task) -> None:
    """All items of the part."""
    first, sizes = (4, [Size(8, (4, 4), "bfloat16")]) if task.dry else (FIRST, SIZES)
    measures: dict[str, tuple[Callable[[], Json], float]] = {}  # and seconds, about
    measures["random bits, iwae k=1"] = partial(random_bits, "iwae k=1", task.dry), 9
    for size in sizes:
        measures[f"{size.name}, {first}"] = partial(alone, "usual", size, first, task), 30
    for size in sizes:
        measures[f"{size.name}, the most"] = partial(alone, "largest", size, first, task), 30
    measures["random bits, mlp"] = partial(random_bits, "mlp", task.dry), 9
    notes = Notes(task, "big", measures)
    for name, (measure, seconds) in measures.items():
        notes.item(name, measure, seconds)


def random_bits(name: str, dry: bool) -> Json:
    """Microseconds of the normals of a step, by two generators, beside those of the whole step."""
    case, steps = (tiny(CASES[name]), 3) if dry else (CASES[name], 500)
    work = {"case": case._asdict(), "steps": steps}
    turns = {"step": library(case, steps)}
    turns |= {impl: drawing({**work, "impl": impl}) for impl in ("threefry2x32", "rbg")}
    found = {turn: 1e6 * min(_seconds(turns[turn]) for _ in range(4)) / steps for turn in turns}
    shares = {impl: found[impl] / found["step"] for impl in ("threefry2x32", "rbg")}
    return {"drawn": "normals", "microseconds": found, "share_of_a_step": shares}


def alone(what: str, size: Size, first: int, task: Task) -> Json:
    """`usual` or `largest`, in a process of its own: its peak of memory is no other's."""
    command = [sys.executable, "-m", __name__, json.dumps([what, size, first, task])]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=task.left())
    except subprocess.TimeoutExpired:
        return {"failed": "no time was left to end it"}
    if done.returncode:
        return {"failed": f"its process ended with status {done.returncode}"}
    found: Json = json.loads(done.stdout.splitlines()[-1])
    return found


def serve(told: str) -> Json:
    """What `alone` asks of its process."""
    what, (side, channels, dtype), first, task = json.loads(told)
    measure = {"usual": usual, "largest": largest}[what]
    try:
        return measure(Size(side, tuple(channels), dtype), first, Task(*task))
    except Exception as error:  # whatever it is, it is reported
        return {"failed": reason(error)}


def usual(size: Size, batch: int, task: Task) -> Json:
    """Images a second at a usual batch, and the memory that it needs."""
    del task
    step, states = _training(size)
    return _run(_compiled(step, states, size, batch), states, size, batch)


def largest(size: Size, first: int, task: Task) -> Json:
    """The largest batch that fits, and images a second there.

    Foretold from what the compiled step of `first` images needs, then tried; a quarter less where
    that fails, for whatever reason: it is kept beside the batch.

    Raises:
      RuntimeError: the device does not say how much memory it has; or nothing fits.
      TimeoutError: no time was left for another try.
    """
    step, states = _training(size)
    limit = (jax.devices()[0].memory_stats() or {}).get("bytes_limit")
    if limit is None:
        raise RuntimeError("this device does not say how much memory it has")
    fixed = _fixed(states)
    each = (_needed(_compiled(step, states, size, first)) - fixed) / first
    batch = first * math.floor((_SHARE * limit - fixed) / each / first)
    too_much: dict[int, str] = {}
    while batch > first and task.left() > 0:
        try:
            found = _run(_compiled(step, states, size, batch), states, size, batch)
            return {**found, "memory_limit": limit, "too_much": too_much}
        except jax.errors.JaxRuntimeError as error:
            too_much[batch] = reason(error)
            batch = first * (3 * batch // 4 // first)
    if batch > first:
        raise TimeoutError(f"no time was left for {batch} images, after {too_much}")
    raise RuntimeError(f"nothing more than {first} images fits: {too_much}")


def _training(size: Size) -> tuple[Step, Callable[[], TrainState]]:
    dtype = jnp.dtype(size.dtype)
    shape = (size.side, size.side, 3)
    encoder = Network(ConvEncoder(size.channels, dtype=dtype), GaussianHead((128,), dtype=dtype))
    body = ConvDecoder(shape[:2], size.channels[::-1], dtype=dtype)
    decoder = Network(body, GaussianHead(shape, LearnedScale(), dtype=dtype))
    model = vae(encoder, decoder, standard_gaussian(128))
    step = descend(weighted_sum(model), optax.adam(1e-3))

    @jax.jit
    def states() -> TrainState:
        return step.init(jax.random.key(1), model.init(jax.random.key(0), jnp.zeros(shape)))

    return step, states


def _compiled(step: Step, states: Callable[[], TrainState], size: Size, batch: int) -> Any:
    def update(state: TrainState, images: Batch) -> Any:
        grey = images["x"].astype(jnp.float32) / 255
        return step.update(state, {"x": grey})

    shape = jax.ShapeDtypeStruct((batch, size.side, size.side, 3), jnp.uint8)
    lowered = jax.jit(update, donate_argnums=0).lower(jax.eval_shape(states), {"x": shape})
    return lowered.compile()


def _run(compiled: Any, states: Callable[[], TrainState], size: Size, batch: int) -> Json:
    """Images a second, and memory: as the compiled program says, and at its peak."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (batch, size.side, size.side, 3), np.uint8)
    images, state = {"x": jax.device_put(x)}, states()
    steps = 5
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        for _ in range(steps):
            state, metrics = compiled(state, images)
        loss = float(metrics["loss"])
        seconds.append(time.perf_counter() - start)
    statistics = jax.devices()[0].memory_stats() or {}
    return {
        "batch": batch,
        "parameters": sum(leaf.size for leaf in jax.tree.leaves(state.params)),
        "images_a_second": steps * batch / seconds[-1],
        "bytes_of_the_program": _needed(compiled),
        "peak_bytes": statistics.get("peak_bytes_in_use"),
        "loss": loss,
    }


def _needed(compiled: Any) -> int:
    memory = compiled.memory_analysis()
    parts = ("argument_size_in_bytes", "output_size_in_bytes", "temp_size_in_bytes")
    return sum(getattr(memory, name) for name in parts) - memory.alias_size_in_bytes


def _fixed(states: Callable[[], TrainState]) -> int:
    """Bytes of parameters and moments, which do not grow with the batch."""
    shapes = jax.tree.leaves(jax.eval_shape(states))
    return sum(leaf.size * 4 for leaf in shapes)


def _seconds(turn: Callable[[], float]) -> float:
    start = time.perf_counter()
    turn()
    return time.perf_counter() - start


if __name__ == "__main__":
    print(json.dumps(serve(sys.argv[1])))
