"""Is it right there: exact oracles on the device, what its products cost in nats, and bits."""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.accelerator import bits
from experiments.accelerator.lanes import play, warmed_up
from experiments.accelerator.task import Json, Notes, Task
from experiments.papers.iwae import images
from experiments.papers.iwae.models import make_model
from experiments.papers.iwae.rows import ROWS
from vae_jax import (
    Gaussian,
    descend,
    elbo,
    evaluate,
    iwae,
    log_likelihood,
    miwae,
    sampled_elbo,
    standard_gaussian,
    train_epoch,
)
from vae_jax.types import Array, Key, Params

_D, _PIXELS, _SCALE = 8, 64, 0.5  # of the linear-Gaussian model
PRECISIONS = ("default", "highest")


def run(task: Task) -> None:
    """All items of the part; what takes turns warms up beside the others, and plays after them."""
    examples = 16 if task.dry else 512
    lanes = bits.lanes_of(task.dry)
    groups = dict.fromkeys(lane.group for lane in lanes)
    notes = Notes(task, "right", ["oracle", "order of the bounds", "precision", *groups])
    with ThreadPoolExecutor(1) as pool, ExitStack() as stack:
        seconds = min(600.0 if task.dry else 60.0, task.left() / 2)
        warming = warmed_up(lanes, bits.processes_of(lanes), seconds)
        ready = pool.submit(stack.enter_context, warming)
        oracles = lambda: {p: oracle(p, examples) for p in PRECISIONS}  # noqa: E731
        notes.item("oracle", oracles, seconds=16)
        notes.item("order of the bounds", partial(order, 8 * examples), seconds=4)
        notes.item("precision", partial(precision, task), seconds=36)
        for group, records in play(ready.result(), rounds=5, until=task.until):
            notes.keep(group, bits.compared(records))


def oracle(precision: str, examples: int) -> Json:
    """How far bounds are from log p(x), nats, where q is the exact posterior and all are equal.

    p(z) = N(0, I), p(x|z) = N(W z, s^2 I), the columns of W orthogonal; log p(x) in float64.
    """
    encode, decode, x, exact = linear_gaussian(examples)
    bounds: dict[str, Callable[..., Array]] = {
        "sampled_elbo": lambda *given: sampled_elbo(*given).value,
        "iwae": partial(iwae, num_samples=5),
        "miwae": partial(miwae, num_groups=2, num_samples=3),
        "log_likelihood": lambda *given: log_likelihood(*given, num_samples=100).value,
    }
    keys = jax.random.split(jax.random.key(0), examples)
    with jax.default_matmul_precision(precision):
        found = {
            name: jax.jit(jax.vmap(lambda key, x, b=b: b(key, x, encode, decode, _prior())))(
                keys, x
            )
            for name, b in bounds.items()
        }
    errors = {name: np.abs(np.asarray(value, np.float64) - exact) for name, value in found.items()}
    return {n: {"largest": float(e.max()), "mean": float(e.mean())} for n, e in errors.items()}


def order(examples: int) -> Json:
    """-log p(x) and bounds of a q that is moved and too wide: means over examples, in order.

    Each step up is given with its standard error over the examples; it must not be negative.
    """
    encode, decode, x, exact = linear_gaussian(examples, shift=0.5, width=1.3)
    keys = jax.random.split(jax.random.key(1), examples)

    def values(key: Key, x: Array) -> list[Array]:
        given = (key, x, encode, decode, _prior())
        tight = [iwae(*given, num_samples=K) for K in (5, 50)]
        return [elbo(*given).value, *tight]

    with jax.default_matmul_precision("highest"):
        found = jax.jit(jax.vmap(values))(keys, x)
    ladder = [np.asarray(v, np.float64) for v in found] + [exact]
    steps = [evaluate.mean(above - below) for below, above in itertools.pairwise(ladder)]
    return {
        "names": ["elbo", "iwae, 5", "iwae, 50", "log p(x)"],
        "means": [float(v.mean()) for v in ladder],
        "steps": [step._asdict() for step in steps],
        "in_order": all(step.value > -3 * step.standard_error for step in steps),
    }


def precision(task: Task) -> Json:
    """One model of MNIST, scored with the same noise by products of several precisions, in nats."""
    model, params, test = _trained(task)
    key = jax.random.key(2)
    samples = 20 if task.dry else 500
    found: dict[str, Any] = {}
    for name in PRECISIONS:
        with jax.default_matmul_precision(name):
            bound = evaluate.elbos(model, params, key, test, num_samples=10)
            estimate = evaluate.log_likelihoods(model, params, key, test, num_samples=samples)
        found[name] = {"elbo": bound.value, "log_likelihood": estimate.value}
    exact = found["highest"]
    return {
        "images": len(test["x"]),
        "importance_samples": samples,
        **{
            name: {
                quantity: {"mean": float(values.mean()), **_apart(values - exact[quantity])}
                for quantity, values in by_quantity.items()
            }
            for name, by_quantity in found.items()
        },
    }


def linear_gaussian(
    examples: int, shift: float = 0.0, width: float = 1.0
) -> tuple[Callable[..., Gaussian], Callable[..., Gaussian], Array, np.ndarray]:
    """encode, decode, x [N, 64] drawn from the model, and log p(x) [N] in float64.

    q is the posterior, moved by `shift` and made `width` as wide, in its standard deviations.
    """
    rng = np.random.default_rng(0)
    scales = np.linspace(0.5, 2.0, _D)
    W = np.linalg.qr(rng.standard_normal((_PIXELS, _D)))[0] * scales
    noise = _SCALE * rng.standard_normal((examples, _PIXELS))
    x = rng.standard_normal((examples, _D)) @ W.T + noise
    variance = 1 / (1 + scales**2 / _SCALE**2)
    covariance = W @ W.T + _SCALE**2 * np.eye(_PIXELS)
    squares = np.einsum("ni,ij,nj->n", x, np.linalg.inv(covariance), x)
    exact = -0.5 * (squares + np.linalg.slogdet(2 * np.pi * covariance)[1])
    deviation = np.sqrt(variance)
    A, b, log_scale, kernel = (
        jnp.asarray(a, jnp.float32)
        for a in (
            variance[:, None] * W.T / _SCALE**2,
            shift * deviation,
            np.log(width * deviation),
            W,
        )
    )

    def encode(x: Array) -> Gaussian:
        return Gaussian(A @ x + b, log_scale)

    def decode(z: Array) -> Gaussian:
        return Gaussian(kernel @ z, jnp.full(_PIXELS, np.log(_SCALE)))

    return encode, decode, jnp.asarray(x, jnp.float32), exact


def _prior() -> Gaussian:
    return standard_gaussian(_D)


def _trained(task: Task) -> tuple[Any, Params, dict[str, Array]]:
    """The one-layer network of Burda et al. after two passes, and test images."""
    dataset = images.read("dynamic", Path(task.raw))
    model = make_model(1, dataset)
    prepared = images.prepared("dynamic", dataset)
    train = jax.tree.map(lambda leaf: leaf[: 200 if task.dry else None], prepared.train)
    objective = ROWS["dynamic-1-vae-1"].objective(model)
    step = descend(objective, optax.adam(1e-3))
    state = step.init(jax.random.key(1), model.init(jax.random.key(0), jnp.zeros((28, 28, 1))))
    for _ in range(2):
        how: Any = {"batch_size": 100, "prepare": images.prepare_of("dynamic")}
        state, _ = train_epoch(step, state, train, **how)
    return model, state.params, {"x": prepared.test["x"][: 20 if task.dry else 1000]}


def _apart(differences: Any) -> Json:
    mean = evaluate.mean(differences)
    return {
        "mean_difference": mean.value,
        "standard_error": mean.standard_error,
        "largest_difference": float(np.abs(differences).max()),
    }
