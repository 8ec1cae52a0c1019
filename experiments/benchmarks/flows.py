"""Flows on two moons, ours beside flowjax's: the log-density of draws that were not seen.

python -m experiments.benchmarks.flows

Of three seeds maf has -1.133 nats beside -1.180 of flowjax 19.1.2, spline -1.071 beside -1.076; the
moons' own density has -1.008, one Gaussian -1.911 (docs/priors.md, November 2026).

The same draws, layers, widths, epochs, batches and schedule for everyone; each keeps its best epoch
by a tenth of the draws. Beside them stand the density the moons are drawn from, which none can pass
in the mean, and one Gaussian. flowjax is in an environment of its own, which `make peers` makes.
"""

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import tyro

from experiments.benchmarks.moons import log_density, moons
from experiments.benchmarks.results import save
from vae_jax.networks import maf, neural_spline
from vae_jax.samplers import fit_flow

FLOWS = {"maf": maf(2, 4, (32,)), "spline": neural_spline(2, 4, (32,), 8)}

Row = dict[str, Any]


def main(
    peers: Path = Path(".peers/bin/python"),
    number: int = 2000,
    epochs: int = 150,
    batch_size: int = 100,
    learning_rate: float = 5e-3,
    seeds: int = 3,
    out: Path = Path("results/flows.json"),
) -> None:
    """Train each flow, ours and flowjax's.

    Args:
      peers: The Python that has flowjax.
      number: Draws to train on, a tenth of them to choose by; as many are not seen.
      epochs, batch_size, learning_rate: Of Adam; the last falls to zero along half a cosine.
      seeds: Trainings of each.
      out: File of all that was measured.
    """
    found, how = shutil.which(peers), (epochs, batch_size, learning_rate)
    rows = []
    for flow in FLOWS:
        rows += [{"who": "vae_jax", **ours(flow, *how, seed, number)} for seed in range(seeds)]
        if found is not None:
            theirs = [flowjaxs(found, flow, *how, seed, number) for seed in range(seeds)]
            rows += [{"who": "flowjax", **row} for row in theirs]
    limits = bounds(number)
    print("\n".join(map(line, rows)), table_of(rows, limits), sep="\n\n")
    if found is None:
        print("flowjax: not run; `make peers` makes its environment.")
    save(out, "flows", {"number": number, "how": how, "rows": rows, "limits": limits})


def ours(
    flow: str, epochs: int, batch_size: int, learning_rate: float, seed: int, number: int
) -> Row:
    """One training of ours."""
    start = time.perf_counter()
    fitted = fit_flow(
        jax.random.key(seed),
        moons(number, 0),
        FLOWS[flow],
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
    )
    seconds = time.perf_counter() - start
    log_p = jax.jit(jax.vmap(fitted.distribution.log_prob))(jnp.asarray(moons(number, 1), float))
    return {"flow": flow, "seed": seed, "log_p": float(log_p.mean()), "seconds": seconds}


def flowjaxs(python: str, flow: str, *how: float) -> Row:
    """One training of flowjax's, in its own environment."""
    module = "experiments.benchmarks.flows_flowjax"
    command = [python, "-m", module, flow, *map(str, how)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {"flow": flow, "seed": how[3], **json.loads(done.stdout.splitlines()[-1])}


def bounds(number: int) -> dict[str, float]:
    """The mean log-density of what is not seen: the moons' own, and one Gaussian's."""
    train, test = moons(number, 0), moons(number, 1)
    cov, apart = np.cov(train.T), test - train.mean(0)
    squared = np.einsum("nd,de,ne->n", apart, np.linalg.inv(cov), apart)
    one = -0.5 * squared - np.linalg.slogdet(2 * np.pi * cov)[1] / 2
    return {"the moons' own density": log_density(test).mean(), "one Gaussian": one.mean()}


def table_of(rows: list[Row], limits: dict[str, float]) -> str:
    """Mean log-densities in nats, the mean over the seeds and their standard deviation."""
    whose = {name: [row for row in rows if row["who"] == name] for name in ("vae_jax", "flowjax")}
    present = [name for name, own in whose.items() if own]
    lines = [f"| | {' | '.join(present)} |", "|---" * (1 + len(present)) + "|"]
    for flow in FLOWS:
        cells = [[row["log_p"] for row in whose[name] if row["flow"] == flow] for name in present]
        shown = [f"{np.mean(nats):.3f}{_spread(nats)}" for nats in cells]
        lines.append(f"| {flow} | {' | '.join(shown)} |")
    lines += [
        f"| {name} | {f'{nats:.3f} | ' * len(present)}".rstrip() for name, nats in limits.items()
    ]
    return "\n".join(lines)


def _spread(nats: list[float]) -> str:
    """Their standard deviation (divided by n - 1), where there are several."""
    return f" ± {np.std(nats, ddof=1):.3f}" if len(nats) > 1 else ""


def line(row: Row) -> str:
    """A row in words."""
    who, flow, seconds = row["who"], row["flow"], row["seconds"]
    return f"{who:8} {flow:7} seed {row['seed']}: {row['log_p']:.3f} nats, {seconds:.0f} s"


if __name__ == "__main__":
    tyro.cli(main)
