"""Weak and strong encoders against weak and strong decoders: where the gap of the bound is.

    log p(x) - ELBO[q(z|x)] = (log p(x) - ELBO[q*]) + (ELBO[q*] - ELBO[q(z|x)])
                              approximation            amortisation

with q* the best diagonal Gaussian for each example by itself: from where the encoder puts it, Adam
ascends its bound, the decoder as it is. log p(x) is estimated by importance samples from q(z|x), a
lower bound in the mean, so that the approximation gap is at least what is told.

The gap was 0.14 + 0.11 nats with both weak, 0.15 + 0.45 with a weak encoder and a strong decoder,
0.20 + 0.08 the other way round, and 0.30 + 0.20 with both strong, where log p(x) is best, -22.49
(one seed, 224 s on two shared cores, November 2026).

  python -m experiments.sweeps.digits_capacity --out FOLDER

Reference: Cremer, Li, Duvenaud 2018, arXiv 1801.03558. Departures: log p(x) by importance samples
alone, where they take the better of these and of annealing; 8x8 digits, one seed.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import tyro

from experiments.sweeps import kept
from experiments.sweeps.training import Digits, How, digits, trained
from vae_jax import Gaussian, Step, descend, elbo, evaluate, standard_gaussian, vae, weighted_sum
from vae_jax.checks import seeded
from vae_jax.evaluate import Mean
from vae_jax.models import VAE
from vae_jax.networks import MLP, BernoulliHead, GaussianHead, Network
from vae_jax.types import Array, Event, Key, Params

SIZES = {"weak": (16,), "strong": (256, 256)}
LATENTS = 8
_HEAD = "| encoder | decoder | -log p(x) | -ELBO | approximation | amortisation |"


class Local(NamedTuple):
    """How q* is found: steps of Adam, draws a step; and draws that score it and q(z|x)."""

    steps: int = 500
    draws: int = 10
    learning_rate: float = 0.02
    scored_by: int = 1000
    importance_samples: int = 5000


class Cell(NamedTuple):
    """A pair of networks; nats on the test images, each with its standard error over them."""

    encoder: str
    decoder: str
    log_likelihood: Mean
    elbo: Mean
    approximation: Mean
    amortisation: Mean


def model_of(encoder: tuple[int, ...], decoder: tuple[int, ...]) -> VAE:
    """Dense layers of these sizes."""
    return vae(
        Network(MLP(encoder), GaussianHead((LATENTS,))),
        Network(MLP(decoder), BernoulliHead((8, 8, 1))),
        standard_gaussian(LATENTS),
    )


def bound_of(model: VAE, params: Params, q: Gaussian, key: Key, x: Event, draws: int) -> Array:
    """The bound of an example by any posterior, [] nats."""
    prior = model.prior(params)
    decode: Callable[[Event], Any] = lambda z: model.decode(params, z)  # noqa: E731
    return elbo(key, x, lambda _: q, decode, prior, num_samples=draws).value


@partial(jax.jit, static_argnames=("model", "local"))
def bounds(model: VAE, params: Params, key: Key, x: Event, local: Local) -> tuple[Array, Array]:
    """The bounds of one example by q(z|x) and by q*, of the same draws."""
    find_key, score_key = jax.random.split(key)
    given: Any = model.encode(params, x)
    adam = optax.adam(optax.cosine_decay_schedule(local.learning_rate, local.steps))

    def loss(q: Gaussian, key: Key) -> Array:
        return -bound_of(model, params, q, key, x, local.draws)

    def one(carry: tuple[Gaussian, Any], key: Key) -> tuple[tuple[Gaussian, Any], None]:
        q, state = carry
        updates, state = adam.update(jax.grad(loss)(q, key), state, q)
        return (optax.apply_updates(q, updates), state), None

    keys = jax.random.split(find_key, local.steps)
    (best, _), _ = jax.lax.scan(one, (given, adam.init(given)), keys)
    scored = [bound_of(model, params, q, score_key, x, local.scored_by) for q in (given, best)]
    return scored[0], scored[1]


def cell(names: tuple[str, str], images: Digits, how: How, local: Local) -> Cell:
    """A pair of networks, trained and taken apart."""
    model = model_of(*(SIZES[name] for name in names))

    def make(weight: Any, optimizer: optax.GradientTransformation) -> Step:
        del weight
        return descend(weighted_sum(model), optimizer)

    (params,) = trained(make, (1.0,), model, images, how)
    own_key, likelihood_key = jax.random.split(jax.random.fold_in(seeded(how.seed), 4))
    x = images.test["x"]
    keys = jax.random.split(own_key, len(x))

    def of_one(pair: tuple[Key, Event]) -> tuple[Array, Array]:
        return bounds(model, params, *pair, local)

    given, best = map(np.asarray, jax.lax.map(of_one, (keys, jnp.asarray(x)), batch_size=60))
    log_p = evaluate.log_likelihoods(
        model, params, likelihood_key, images.test, num_samples=local.importance_samples
    ).value
    parts = (log_p, given, log_p - best, best - given)
    return Cell(*names, *map(evaluate.mean, parts))


def table(cells: list[Cell]) -> str:
    """A row for each pair, as Markdown; nats."""
    rule = "|" + " --- |" * (_HEAD.count("|") - 1)
    return "\n".join([_HEAD, rule, *map(_line, cells)])


def load(path: Path) -> list[Cell]:
    """The pairs that were kept."""
    found = json.loads(path.read_text(encoding="utf-8"))["points"]
    return [Cell(*each[:2], *(Mean(*pair) for pair in each[2:])) for each in found]


def main(
    how: How = How(),  # noqa: B008
    local: Local = Local(),  # noqa: B008
    out: Path = Path("results"),
) -> list[Cell]:
    """Train weak and strong pairs, and split the gaps of their bounds.

    Args:
      how: How long; its hidden sizes are not used.
      local: How the best posterior of each example is found.
      out: Folder of digits_capacity.json.
    """
    start, images = time.perf_counter(), digits(how.seed)
    pairs = [(encoder, decoder) for encoder in SIZES for decoder in SIZES]
    cells = [cell(names, images, how, local) for names in pairs]
    options = kept.options(how=how, local=local)
    kept.write(out, "digits_capacity", options, cells, time.perf_counter() - start)
    print(table(cells))
    return cells


def _line(c: Cell) -> str:
    numbers = [-c.log_likelihood.value, -c.elbo.value, c.approximation.value, c.amortisation.value]
    errors = [each.standard_error for each in c[2:]]
    cells = [f"{n:.2f} ± {e:.2f}" for n, e in zip(numbers, errors, strict=True)]
    return f"| {' | '.join([c.encoder, c.decoder, *cells])} |"


if __name__ == "__main__":
    tyro.cli(main, prog="python -m experiments.sweeps.digits_capacity")
    sys.exit()
