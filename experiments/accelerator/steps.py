"""Who trains a case, and in which processes: the lanes of the training steps."""

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from experiments.accelerator.lanes import Lane
from experiments.accelerator.processes import contestant, flags
from experiments.benchmarks.cases import Case
from experiments.benchmarks.contest import Contestant

OURS, PRODUCTS, FLAX, LARGE = "vae_jax", "matrix products", "flax example", 1024
SEEDS = (4, 16, 64)
TORCH = ("PyTorch, eager", "PyTorch, CUDA graphs")
WHILE = "--xla_gpu_enable_command_buffer=+WHILE"
LONG = 3000  # steps of a turn, by which what is done once a turn hardly counts


def lanes_of(case: Case, torch: bool, dry: bool) -> list[Lane]:
    """Those who train a case, at its own batch and at a large one, in the order of their worth."""
    own, large = case, case._replace(batch=7 if dry else LARGE)
    found = _beside(own, torch, dry)
    found += [lane for lane in _beside(large, torch, dry) if lane.name != FLAX]
    if own.convolutional:
        found += [lane for c in (own, large) for lane in _halves(c, dry)]
    if own.name == "iwae k=1":
        found += [_lane(own, f"{OURS}, loops in a graph", OURS, dry, "graphs")]
        found += [_lane(own, f"{OURS}, {LONG:,} steps a turn", OURS, dry, "long", steps=LONG)]
    seeds = (
        _lane(own, f"{OURS}, {n} seeds", OURS, dry, "seeds", seeds=n)
        for n in SEEDS[: 1 if dry else None]
    )
    return [*found, *seeds]


def processes_of(lanes: Sequence[Lane]) -> list[Contestant]:
    """The processes that the lanes name."""
    found = []
    for name in dict.fromkeys(lane.process for lane in lanes):
        module = "benchmarks.torch_side" if name.startswith("PyTorch") else "jax_lanes"
        environment = flags(WHILE) if name.startswith("graphs") else {}
        found.append(contestant(name, module, environment))
    return found


def torch_here() -> tuple[str | None, bool]:
    """The version of the torch that is here, if any, and whether it sees a GPU."""
    code = "import torch; print(torch.__version__, torch.cuda.is_available())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    version, sees = done.stdout.split() if done.returncode == 0 else (None, "False")
    return version, sees == "True"


def _beside(case: Case, torch: bool, dry: bool) -> list[Lane]:
    names = (OURS, PRODUCTS, FLAX)
    ours = [_lane(case, name, name, dry) for name in names]
    theirs = [_lane(case, name, name, dry, process=name, device="cuda") for name in TORCH]
    return ours + (theirs if torch else [])


def _halves(case: Case, dry: bool) -> list[Lane]:
    """In a process of their own: where they are late they take nothing that is ready along."""
    half = case._replace(dtype="bfloat16")
    return [_lane(half, f"{does}, bfloat16", does, dry, "bfloat16") for does in (OURS, PRODUCTS)]


def _lane(case: Case, name: str, does: str, dry: bool, process: str = "", **more: Any) -> Lane:
    steps = 200 if case.batch < LARGE else 50
    process = process or f"batch {case.batch}"
    work = {"does": does, "contestant": does, "case": case._asdict(), "steps": steps, **more}
    work |= {"steps": 3} if dry else {}
    return Lane(f"{case.name}, batch {case.batch}", name, f"{process}: {case.name}", work)
