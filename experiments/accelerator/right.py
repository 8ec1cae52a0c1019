"""Is it right there: exact oracles on the device, what its products cost in nats, and bits."""

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.accelerator.lanes import Lane, play
from experiments.accelerator.processes import contestant
from experiments.accelerator.task import Json, Notes, Task
from experiments.benchmarks.cases import CASES, tiny
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
DETERMINISTIC = "--xla_gpu_deterministic_ops=true"


def run(task: Task) -> None:
    """All items of the part."""
    notes = Notes(task, "right")
    examples = 16 if task.dry else 512
    with ThreadPoolExecutor(1) as pool:
        comparing = pool.submit(bits, task)  # mostly processes that start and compile
        oracles = lambda: {p: oracle(p, examples) for p in PRECISIONS}  # noqa: E731
        notes.item("oracle", oracles, seconds=5)
        notes.item("order of the bounds", partial(order, 8 * examples), seconds=5)
        notes.item("precision", partial(precision, task), seconds=15)
        notes.item("bits", comparing.result)


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
    with jax.default_matmul_precision(_jax_name(precision)):
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
        with jax.default_matmul_precision(_jax_name(name)):
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


def bits(task: Task) -> Json:
    """Are bits equal: in one process, in another, and from a resumed run; and what a flag costs.

    Each process compiles for itself, since how it chooses among algorithms is what may differ.
    """
    cases = {"mlp": 4} if task.dry else {"iwae k=1": 200, "mlp": 200, "conv": 60}  # steps
    flags = f"{os.environ.get('XLA_FLAGS', '')} {DETERMINISTIC}".strip()
    processes, lanes = [], []
    kinds: dict[str, dict[str, str]] = {"as it is": {}, "deterministic": {"XLA_FLAGS": flags}}
    for name, environment in kinds.items():
        for kind in ("one", "another", "resumed"):
            process = f"{name}, {kind}"
            alone = {"JAX_ENABLE_COMPILATION_CACHE": "false", **environment}
            processes.append(contestant(process, "jax_lanes", alone))
            halves = {"halves": kind == "resumed"}
            lanes += [
                _lane(case, steps, process, task.dry, halves) for case, steps in cases.items()
            ]
    records = play(lanes, processes, rounds=5, warm_up=60, until=task.until)
    return {case: _compared(records[case]) for case in cases}


def _lane(name: str, steps: int, process: str, dry: bool, more: Json) -> Lane:
    case = tiny(CASES[name]) if dry else CASES[name]
    return Lane(
        name, process, process, {"does": "bits", "case": case._asdict(), "steps": steps, **more}
    )


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


def _at(bound: Callable[..., Array], encode: Any, decode: Any, key: Key, x: Array) -> Array:
    return bound(key, x, encode, decode, _prior())


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


def _compared(records: dict[str, Any]) -> Json:
    found: Json = {}
    for name in ("as it is", "deterministic"):
        one, another, resumed = (records[f"{name}, {k}"] for k in ("one", "another", "resumed"))
        failed = one.failed or another.failed or resumed.failed
        found[name] = (
            {"failed": failed}
            if failed
            else {
                "seconds_a_step": min(one.seconds),
                "equal_in_a_process": len(set(one.values)) == 1,
                "equal_in_another": one.values[0] == another.values[0],
                "equal_when_resumed": one.values[0] == resumed.values[0],
            }
        )
    seconds = [found[n].get("seconds_a_step") for n in ("as it is", "deterministic")]
    return {**found, "times": None if None in seconds else seconds[1] / seconds[0]}


def _jax_name(precision: str) -> str | None:
    return None if precision == "default" else precision
