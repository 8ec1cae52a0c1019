"""What each of several devices does of an epoch.

python -m experiments.benchmarks.devices

The devices are parts of this machine's CPU that XLA is told to take for several: they share its
cores, so there are no times here. Read from the compiled programs: how many operations one device
does in a step, and what the devices tell each other.
"""

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import tyro

from experiments.benchmarks.cases import CASES, Case, images
from experiments.benchmarks.models import descent, example, model
from experiments.benchmarks.results import save
from vae_jax import Step, TrainState, devices, train_epoch
from vae_jax.data import binarise
from vae_jax.types import Batch

CASE = CASES["iwae k=50"]._replace(name="iwae k=5", batch=160, draws=5)
_KINDS = "all-reduce|all-gather|all-to-all|collective-permute|collective-broadcast|reduce-scatter"
_CHILD = """
import json, sys
from experiments.benchmarks.devices import measure
print(json.dumps(measure(int(sys.argv[1]))))
"""

Row = dict[str, Any]


def main(number: int = 8, out: Path = Path("results/devices.json")) -> None:
    """Divide the batches of one network among devices, and compare with one device.

    Args:
      number: Of devices.
      out: File of all that was counted.
    """
    result = json.loads(with_devices(number, "-c", _CHILD, str(number)))
    print(table(result))
    save(out, "devices", result)
    print(out)


def with_devices(number: int, *arguments: str) -> str:
    """What Python prints, given these arguments, where the CPU is taken for several devices.

    JAX must be told before it starts: hence a process of its own.
    """
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={number}"
    environment = {**os.environ, "XLA_FLAGS": flags.strip(), "JAX_PLATFORMS": "cpu"}
    root = Path(__file__).parents[2]
    environment["PYTHONPATH"] = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def measure(number: int, case: Case = CASE, steps: int = 10) -> Row:
    """An epoch on one device, and on several: operations, collectives, parameters at its end."""
    single = compare(number, case, steps, "float32")
    with jax.enable_x64(True):
        double = compare(number, case, steps, "float64")
    for row, other in zip(single, double, strict=True):
        row["difference_float64"] = other["difference"]
    gradient = sum(leaf.nbytes for leaf in jax.tree.leaves(_training(case)[1].params))
    return {"case": case._asdict(), "steps": steps, "gradient_bytes": gradient, "rows": single}


def compare(number: int, case: Case, steps: int, dtype: str) -> list[Row]:
    """A row for one device, and one for several, of parameters of this type."""
    data = {"x": (200 * images(steps * case.batch)).astype(np.uint8)}  # greys, to be binarised
    step, start = _training(case, dtype)
    rows, ends = [], []
    for count in (1, number):
        with devices.only(count):
            compiled = compile_epoch(step, start, data, case.batch)
            among = devices.of_batch(case.batch)
            ends.append(compiled(*devices.everywhere((start, data), among))[0].params)
        apart = difference(ends[0], ends[-1])
        rows.append({"devices": count, **counted(compiled), "difference": apart})
    return rows


def compile_epoch(
    step: Step, state: TrainState, data: Batch, batch_size: int
) -> jax.stages.Compiled:
    """The program of `train_epoch`, the pixels binarised in it."""

    def epoch(state: TrainState, data: Batch) -> Any:
        return train_epoch(step, state, data, batch_size=batch_size, prepare=binarise(255))

    given = devices.everywhere((state, data), devices.of_batch(batch_size, data))
    return jax.jit(epoch).lower(*given).compile()


def counted(compiled: jax.stages.Compiled) -> Row:
    """The operations of one device in a step, and the collectives by kind."""
    cost: Any = compiled.cost_analysis()
    # Of a loop XLA counts one turn. What is outside, the shuffling, is next to nothing.
    return {"operations": int(cost["flops"]), "collectives": collectives(compiled.as_text())}


def collectives(program: str | None) -> dict[str, dict[str, int]]:
    """How often each kind stands in a compiled program, in its loop or outside; bytes of results.

    One that takes many arrays at once stands there once.
    """
    found: dict[str, dict[str, int]] = {}
    for shapes, kind in re.findall(rf"%\S+ = (.*?) ({_KINDS})\(", program or ""):
        sums = found.setdefault(kind, {"count": 0, "bytes": 0})
        sums["count"] += 1
        sums["bytes"] += sum(map(_bytes, re.findall(r"([a-z]+\d*)\[([\d,]*)\]", shapes)))
    return found


def difference(one: Any, other: Any) -> float:
    """The largest difference in an array, relative to the largest number there; over arrays."""

    def relative(a: jax.Array, b: jax.Array) -> float:
        x, y = np.asarray(a), np.asarray(b)
        return float(np.max(np.abs(x - y)) / np.max(np.abs(x)))

    return max(jax.tree.leaves(jax.tree.map(relative, one, other)))


def table(result: Row) -> str:
    """The rows, and the bytes of the gradient to compare with."""
    case, rows = result["case"], result["rows"]
    lines = [
        f"{case['name']}, batch {case['batch']}, an epoch of {result['steps']} steps;"
        f" the gradient has {result['gradient_bytes']:,} bytes",
        "",
        f"{'devices':>7}  {'operations/step/device':>22}  {'of one':>6}  {'difference':>10}"
        f"  {'in float64':>10}  collectives",
    ]
    for row in rows:
        share = row["operations"] / rows[0]["operations"]
        kinds = [
            f"{sums['count']} {kind} of {sums['bytes']:,} bytes"
            for kind, sums in row["collectives"].items()
        ]
        lines.append(
            f"{row['devices']:7}  {row['operations']:22,}  {share:6.4f}  {row['difference']:10.1e}"
            f"  {row['difference_float64']:10.1e}  {', '.join(kinds) or 'none'}"
        )
    return "\n".join(lines)


def _training(case: Case, dtype: str = "float32") -> tuple[Step, TrainState]:
    net = model(case)
    step = descent(case, net)
    params = net.init(jax.random.key(1), example(case))
    params = jax.tree.map(lambda leaf: leaf.astype(dtype), params)
    return step, step.init(jax.random.key(0), params)


def _bytes(shape: tuple[str, str]) -> int:
    kind, sizes = shape
    bits = re.search(r"\d+", kind)
    return (int(bits[0]) // 8 if bits else 1) * math.prod(map(int, filter(None, sizes.split(","))))


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m experiments.benchmarks.devices"))
