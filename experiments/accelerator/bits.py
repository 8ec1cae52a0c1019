"""Are bits equal: in one process, in another, and from a resumed run; and what a flag costs.

Each process compiles for itself, since how it chooses among algorithms is what may differ.
"""

from collections.abc import Mapping, Sequence

from experiments.accelerator.lanes import Lane
from experiments.accelerator.processes import contestant, flags
from experiments.accelerator.task import Json
from experiments.benchmarks.cases import CASES, tiny
from experiments.benchmarks.contest import Contestant, Record

DETERMINISTIC = "--xla_gpu_deterministic_ops=true"
_STEPS = {"iwae k=1": 200, "mlp": 200, "conv": 60}
_KINDS = {"as it is": {}, "deterministic": flags(DETERMINISTIC)}
_TIMED = ", timed"


def lanes_of(dry: bool) -> list[Lane]:
    """Each case in a process of its own, of either kind: one, another, and one that resumes.

    The time is of training alone, by a lane that takes no digest.
    """
    found = []
    for case in ("mlp",) if dry else _STEPS:
        for flag in _KINDS:
            for kind in ("one", "another", "resumed"):
                halves = kind == "resumed"
                found.append(_lane(case, f"{flag}, {kind}", dry, does="bits", halves=halves))
            timed = _lane(case, f"{flag}, one", dry, does="vae_jax")
            found.append(timed._replace(name=timed.name + _TIMED))
    return found


def processes_of(lanes: Sequence[Lane]) -> list[Contestant]:
    """The processes that the lanes name."""
    alone = {"JAX_ENABLE_COMPILATION_CACHE": "false"}
    kinds = {lane.process: lane.name.split(", ")[0] for lane in lanes}
    return [
        contestant(process, "jax_lanes", {**alone, **_KINDS[kind]})
        for process, kind in kinds.items()
    ]


def compared(records: Mapping[str, Record]) -> Json:
    """Of either kind: what is equal, and seconds of a step; and how many times it takes."""
    found = {flag: _of_kind(records, flag) for flag in _KINDS}
    plain, flagged = (found[flag].get("seconds_a_step") for flag in _KINDS)
    return {**found, "times": flagged / plain if plain and flagged else None}


def _of_kind(records: Mapping[str, Record], flag: str) -> Json:
    one, another, resumed = (records[f"{flag}, {kind}"] for kind in ("one", "another", "resumed"))
    timed = records[f"{flag}, one{_TIMED}"]
    failed = one.failed or another.failed or resumed.failed
    if failed:
        return {"failed": failed}
    return {
        "seconds_a_step": None if timed.failed else min(timed.seconds),
        "equal_in_a_process": len(set(one.values)) == 1,
        "equal_in_another": one.values[0] == another.values[0],
        "equal_when_resumed": one.values[0] == resumed.values[0],
    }


def _lane(name: str, kind: str, dry: bool, **more: object) -> Lane:
    case = tiny(CASES[name]) if dry else CASES[name]
    work = {"case": case._asdict(), "steps": 4 if dry else _STEPS[name], **more}
    return Lane(f"bits, {name}", kind, f"{name}, {kind}", work)
