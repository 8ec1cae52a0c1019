"""The variance of a Gaussian likelihood, had in seven ways, side by side on Fashion-MNIST.

The same dense network, the same draws, pixels dequantised into (0, 1); what differs is sigma. All
bounds are of a density on the same pixels, and so compare. A sigma that is chosen sets the weight
of the rate: 1 is far too large for pixels in (0, 1), and D Var / 2 (data_vqvae) so large that z is
given up.

`--how.train 5000` gave -ELBO 747.8 at sigma = 1, with a rate of 2.7, 2241.4 by data_vqvae, with
none and no active unit, and -297.1 by the optimal sigma, 0.157, with a rate of 39.0 (one seed, 10
minutes on two shared cores, November 2026).

  python -m experiments.sweeps.fashion_sigma --raw FOLDER --out FOLDER

Reference: Rybkin, Daniilidis, Levine 2021, arXiv 2006.13202 (fixed, learned and optimal).
"""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import tyro

from experiments.sweeps import kept
from vae_jax import evaluate, fit, generate
from vae_jax.checks import seeded
from vae_jax.configs import CONFIGS, Data, Experiment
from vae_jax.configs.choices import Choices
from vae_jax.runs.scores import bits_per_dim
from vae_jax.types import Key, Params

SIGMAS: dict[str, dict[str, Any]] = {
    "fixed, 1": {"scale": "fixed", "sigma": 1.0},
    "data": {"scale": "data"},
    "data_vqvae": {"scale": "data_vqvae"},
    "learned": {"scale": "learned"},
    "dimension": {"scale": "dimension"},
    "predicted": {"scale": "predicted"},
    "optimal": {"scale": "optimal"},
}
_HEAD = "| `--scale` | sigma | -ELBO | bits / dim | distortion | rate | error | active units |"


class How(NamedTuple):
    """How long, and how large: images, passes over them, and units of each layer."""

    train: int = 10_000
    test: int = 1_000
    epochs: int = 10
    hidden: tuple[int, ...] = (256, 256)
    latents: int = 16
    seed: int = 0


class Row(NamedTuple):
    """A way to have sigma; nats a test image.

    Fields:
      name: of the way.
      sigma: the root of its mean square over pixels and images, at draws of z.
      elbo, elbo_standard_error, distortion, rate: of the test images.
      bits: per dimension of the integers, at most.
      error: the root mean square of x less the mean of p(x|z), at the mean of q(z|x).
      active: units.
    """

    name: str
    sigma: float
    elbo: float
    elbo_standard_error: float
    bits: float
    distortion: float
    rate: float
    error: float
    active: int


def row(name: str, raw: Path | None, how: How) -> Row:
    """Train by one of the ways, and score."""
    choices = replace(Choices(hidden=how.hidden), **SIGMAS[name])
    experiment = CONFIGS["fashion_conv"](
        epochs=how.epochs, latents=how.latents, choices=choices, raw=raw, seed=how.seed
    )
    data = experiment.examples.load()
    data = data._replace(
        train=jax.tree.map(lambda leaf: leaf[: how.train], data.train),
        test=jax.tree.map(lambda leaf: leaf[: how.test], data.test),
    )
    return scored(name, experiment, data, trained(experiment, data))


def trained(experiment: Experiment, data: Data) -> Params:
    """The last parameters, by Adam, whose rate falls along a cosine."""
    own = experiment.trained
    steps = own.epochs * (len(data.train["x"]) // own.batch_size)  # type: ignore[index]
    rate = optax.cosine_decay_schedule(own.learning_rate, steps)

    def optimize(make: Any, scale: float = 1.0, updates: int = 1) -> Any:
        del scale, updates
        return make(rate)

    fitted = fit(
        own.model,
        own.step(optimize),
        data.train,
        key=seeded(own.seed),
        epochs=own.epochs,
        batch_size=own.batch_size,
        prepare=experiment.examples.prepare,
        held_out=data.test,
        score=None,
        evaluate_every=own.epochs,
    )
    return fitted.params


def scored(name: str, experiment: Experiment, data: Data, params: Params) -> Row:
    """What the parameters are worth on the test images."""
    model, test = experiment.trained.model, data.test
    bound_key, made_key, units_key = jax.random.split(seeded(experiment.trained.seed + 1), 3)
    bound = evaluate.elbos(model, params, bound_key, test, num_samples=5)
    elbo = evaluate.mean(bound.value)
    made = generate.reconstruct(model, params, made_key, test["x"])
    bits = bits_per_dim(experiment, test, elbo.value)["bits_per_dim"]
    units = evaluate.active_units(model, params, units_key, test)

    @jax.jit
    def variance(key: Key, x: Any) -> Any:
        likelihood: Any = model.decode(params, model.encode(params, x).sample(key))
        return jnp.mean(jnp.exp(2 * likelihood.log_scale))

    keys = jax.random.split(made_key, len(test["x"]))
    sigma = np.sqrt(np.mean(jax.lax.map(lambda pair: variance(*pair), (keys, test["x"]))))
    error = float(np.sqrt(np.mean((np.asarray(made) - test["x"]) ** 2)))
    parts = (evaluate.mean(bound.distortion).value, evaluate.mean(bound.rate).value)
    return Row(name, float(sigma), *elbo, bits, *parts, error, units["z"].number)


def table(rows: Sequence[Row]) -> str:
    """A row for each way, as Markdown; nats."""
    return "\n".join([_HEAD, "|" + " --- |" * (_HEAD.count("|") - 1), *map(_line, rows)])


def load(path: Path) -> list[Row]:
    """The rows that were kept."""
    return [Row(*each) for each in json.loads(path.read_text(encoding="utf-8"))["points"]]


def main(
    raw: Path | None = None,
    how: How = How(),  # noqa: B008
    out: Path = Path("results"),
) -> list[Row]:
    """Train the same model with its variance had in seven ways.

    Args:
      raw: Folder of the four raw idx files; not needed once they are prepared.
      how: How long, and how large.
      out: Folder of fashion_sigma.json.
    """
    start = time.perf_counter()
    rows = [row(name, raw, how) for name in SIGMAS]
    kept.write(out, "fashion_sigma", kept.options(how=how), rows, time.perf_counter() - start)
    print(table(rows))
    return rows


def _line(r: Row) -> str:
    cells = [
        r.name,
        f"{r.sigma:.3f}",
        f"{-r.elbo:.1f} ± {r.elbo_standard_error:.1f}",
        f"{r.bits:.2f}",
        f"{r.distortion:.1f}",
        f"{r.rate:.1f}",
        f"{r.error:.3f}",
        f"{r.active}",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    tyro.cli(main, prog="python -m experiments.sweeps.fashion_sigma")
    sys.exit()
