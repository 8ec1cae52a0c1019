"""Flows on two moons, ours beside flowjax's: the log-density of draws that were not seen.

python -m experiments.benchmarks.flows

With --seeds 1, of flowjax 19.1.2, mean log-densities in nats: maf -1.119 beside flowjax's -1.198,
spline -1.076 beside -1.080; the moons' own density -1.008, one Gaussian -1.911 (November 2026, on a
shared machine, so that the times say nothing).

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
    print("\n".join([*map(line, rows), *(f"{name}: {nats:.3f}" for name, nats in limits.items())]))
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


def line(row: Row) -> str:
    """A row in words."""
    who, flow, seconds = row["who"], row["flow"], row["seconds"]
    return f"{who:8} {flow:7} seed {row['seed']}: {row['log_p']:.3f} nats, {seconds:.0f} s"


if __name__ == "__main__":
    tyro.cli(main)
