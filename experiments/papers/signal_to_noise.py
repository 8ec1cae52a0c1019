"""Tighter bounds, noisier encoder gradients: the experiment of Rainforth et al. 2018.

    p(z) = N(mu, I),  p(x|z) = N(z, I),  q(z|x) = N(A x + b, 2/3 I),  20 dimensions, one x

with x drawn from the model at mu = 0, and parameters near those of the exact posterior mean there,
mu = 0, A = I/2, b = mu/2, each with N(0, 0.01^2) added. Of the gradient g of a bound with M groups
of K draws, the signal-to-noise ratio of a group of parameters is

    |E g| / sqrt(E |g - E g|^2)         (2-norms over the group)

Its slopes in log-log over K (M = 1) and over M (K = 16) are, by Theorem 1: 1/2 and 1/2 for mu of
the generative model, -1/2 and 1/2 for b of the encoder. The doubly reparameterized gradient of b
(Tucker et al. 2019) has the same mean and, as K grows, the slope 1/2 over K.

E g of b is taken from the doubly reparameterized draws, for plain and own: the mean of the plain
ones has a noise floor of 1 / sqrt(draws), which bends their slope.

Reference: Rainforth et al. 2018, arXiv 1802.04537. Departures: one x, and mu of the model,
where the paper has a data set of 1,024 drawn from it and their mean; ratios of norms, where it has
those of each parameter; M varies at K = 16.

  python -m experiments.papers.signal_to_noise --out FOLDER
"""

import datetime
import json
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import tyro

from vae_jax import Gaussian, miwae
from vae_jax.runs.circumstances import circumstances
from vae_jax.types import Array, Key, Params

_D, _AT_ONCE = 20, 100  # dimensions; gradients in memory at once
_LOG_SCALE = float(np.log(2 / 3) / 2)
OVER_K, OVER_M, K_OF_M = (16, 32, 64, 128, 256, 512, 1024), (1, 2, 4, 8, 16, 32, 64), 16


Found = dict[str, dict[str, dict[str, Any]]]  # {"K": {"mu": {"at", "ratio", "slope"}}}


class Ratios(NamedTuple):
    """Signal-to-noise ratios: of mu, of b, and of b doubly reparameterized."""

    mu: float
    b: float
    b_doubly_reparameterized: float


def problem(key: Key) -> tuple[Params, Array]:
    """Parameters near the optimum, and x."""
    x_key, mu_key, a_key, b_key = jax.random.split(key, 4)
    x = jax.random.normal(x_key, (_D,)) * jnp.sqrt(2.0)
    best = {"mu": jnp.zeros(_D), "A": jnp.eye(_D) / 2, "b": jnp.zeros(_D)}
    keys = {"mu": mu_key, "A": a_key, "b": b_key}
    near = {n: v + 0.01 * jax.random.normal(keys[n], v.shape) for n, v in best.items()}
    return near, x


@partial(jax.jit, static_argnames=("draws", "num_groups", "num_samples", "score_free"))
def gradients(
    params: Params,
    x: Array,
    key: Key,
    *,
    draws: int,
    num_groups: int,
    num_samples: int,
    score_free: bool,
) -> Params:
    """Gradients of MIWAE(M, K), each of its own draws: {"mu": [draws, D], "b": ..., "A": ...}."""

    def bound(params: Params, key: Key) -> Array:
        return miwae(
            key,
            x,
            lambda x: Gaussian(params["A"] @ x + params["b"], jnp.full(_D, _LOG_SCALE)),
            lambda z: Gaussian(z, jnp.zeros(_D)),
            Gaussian(params["mu"], jnp.zeros(_D)),
            num_groups=num_groups,
            num_samples=num_samples,
            score_free=score_free,
        )

    keys = jax.random.split(key, draws)
    return jax.lax.map(partial(jax.grad(bound), params), keys, batch_size=_AT_ONCE)


def ratios(
    params: Params, x: Array, key: Key, draws: int, num_groups: int, num_samples: int
) -> Ratios:
    """The ratios at one M and K, each from so many gradients."""
    sizes: dict[str, Any] = {
        "draws": draws,
        "num_groups": num_groups,
        "num_samples": num_samples,
    }
    plain, doubly = (
        gradients(params, x, k, **sizes, score_free=score_free)
        for k, score_free in zip(jax.random.split(key), (False, True), strict=True)
    )
    signal = _norm(doubly["b"].mean(axis=0))
    return Ratios(
        _norm(plain["mu"].mean(axis=0)) / _noise(plain["mu"]),
        signal / _noise(plain["b"]),
        signal / _noise(doubly["b"]),
    )


def slope(at: Sequence[int], values: Sequence[float]) -> float:
    """Of a straight line through the logarithms."""
    return float(np.polyfit(np.log(at), np.log(values), 1)[0])


def measure(
    draws: int, over_k: Sequence[int] = OVER_K, over_m: Sequence[int] = OVER_M, seed: int = 0
) -> Found:
    """For K and for M: where, the ratios there, and their slopes."""
    problem_key, *keys = jax.random.split(jax.random.key(seed), 1 + len(over_k) + len(over_m))
    params, x = problem(problem_key)
    cells = {"K": [(1, K) for K in over_k], "M": [(M, K_OF_M) for M in over_m]}
    found: Found = {}
    remaining = iter(keys)
    for name, pairs in cells.items():
        at = over_k if name == "K" else over_m
        rows = [ratios(params, x, next(remaining), draws, M, K) for M, K in pairs]
        found[name] = {
            group: {"at": list(at), "ratio": list(column), "slope": slope(at, column)}
            for group, column in zip(Ratios._fields, zip(*rows, strict=True), strict=True)
        }
    return found


def _norm(vector: Array) -> float:
    return float(jnp.linalg.norm(vector))


def _noise(g: Array) -> float:
    return float(jnp.sqrt(jnp.sum(g.var(axis=0, ddof=1))))


def main(draws: int = 10_000, seed: int = 0, out: Path = Path("results")) -> None:
    """Measure and plot the signal-to-noise ratios of Rainforth et al. 2018.

    Args:
      draws: Gradients for each point.
      seed: Of x, of the parameters' noise and of the draws.
      out: Folder of signal_to_noise.json and .png.
    """
    start = time.perf_counter()
    found = measure(draws, seed=seed)
    out.mkdir(parents=True, exist_ok=True)
    command = f"python -m experiments.papers.signal_to_noise --draws {draws} --seed {seed}"
    seconds = time.perf_counter() - start
    date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    result = {"command": command, "found": found, "seconds": seconds, "date": date}
    result |= circumstances()
    (out / "signal_to_noise.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    _plot(out / "signal_to_noise.png", found)
    for name, groups in found.items():
        for group, row in groups.items():
            print(f"slope over {name} of {group:<25} {row['slope']:+.3f}")
    print(f"{time.perf_counter() - start:.0f} s; {out}/signal_to_noise.json and .png")


def _plot(path: Path, found: Found) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), dpi=110, layout="constrained")
    for axes, (name, groups) in zip(figure.subplots(1, 2), found.items(), strict=True):
        for group, row in groups.items():
            label = f"{group.replace('_', ' ')}: {row['slope']:+.2f}"
            axes.loglog(row["at"], row["ratio"], "o-", ms=3, label=label)
        axes.set_xlabel(name)
        axes.set_ylabel("signal-to-noise ratio")
        axes.legend(frameon=False, title="slope", loc="lower center", bbox_to_anchor=(0.5, 1))
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m experiments.papers.signal_to_noise"))
