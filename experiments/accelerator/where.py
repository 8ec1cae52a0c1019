"""Where the time of a step goes on an accelerator, as its own profiler has it."""

import tempfile
import time
from collections import defaultdict
from pathlib import Path

import jax

from experiments.accelerator.task import Json
from experiments.benchmarks.contest import Turn

_KINDS = {  # the first that has a word of a kernel's name; "conv" alone would be "convert" as well
    "convolutions": ("convolution", "convolve", "cudnn", "fprop", "dgrad", "wgrad"),
    "products": ("gemm", "cublas", "cutlass", "nvjet", "xmma", "dot"),
    "copies": ("memcpy", "memset", "copy"),
}


def profile(turn: Turn, steps: int) -> Json:
    """The kernels of a step, and what share of the time they take; the rest are gaps between them.

    Args:
      turn: does so many steps; it has been done before, so that nothing compiles.
      steps: of a turn.

    Returns:
      microseconds of a step without the profiler and with it, which slows it; kernels a step;
      microseconds a step in products, convolutions, copies and all others (loops over elements, and
      random bits), in all and of the most costly by name; the share of the time with the profiler
      in which no kernel ran, less than 0 where kernels ran beside each other.

    Raises:
      RuntimeError: the profiler sees no such device here.
    """
    plain = _microseconds(turn, steps)
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            traced = _microseconds(turn, steps)
        found = [*Path(folder).rglob("*.xplane.pb")]
        events = [event for path in found for event in _kernels(path)]
    if not events:
        raise RuntimeError("the profiler saw no kernels of a GPU here")
    by_kind: defaultdict[str, float] = defaultdict(float)
    by_name: defaultdict[str, float] = defaultdict(float)
    for name, microseconds in events:
        by_kind[_kind(name)] += microseconds / steps
        by_name[name] += microseconds / steps
    busy = sum(by_kind.values())
    return {
        "microseconds_a_step": plain,
        "microseconds_a_step_with_the_profiler": traced,
        "kernels_a_step": len(events) / steps,
        "microseconds_in_kernels": busy,
        "microseconds_by_kind": dict(by_kind),
        "gaps": 1 - busy / traced,
        "most_costly": dict(sorted(by_name.items(), key=lambda item: -item[1])[:12]),
    }


def _microseconds(turn: Turn, steps: int) -> float:
    start = time.perf_counter()
    turn()
    return 1e6 * (time.perf_counter() - start) / steps


def _kernels(path: Path) -> list[tuple[str, float]]:
    """Name and microseconds of every kernel that the device ran."""
    planes = jax.profiler.ProfileData.from_file(str(path)).planes
    return [
        (event.name, event.duration_ns / 1e3)
        for plane in planes
        if plane.name.startswith("/device:GPU")
        for line in plane.lines
        if line.name.startswith("Stream")
        for event in line.events
    ]


def _kind(name: str) -> str:
    low = name.lower()
    return next((k for k, words in _KINDS.items() if any(w in low for w in words)), "elementwise")
