"""What the lanes that are written in JAX do: `python -m experiments.accelerator.jax_lanes`."""

import hashlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks.cases import Case, case_of
from experiments.benchmarks.contest import Turn, Work, serve
from experiments.benchmarks.flax_example import flax_example
from experiments.benchmarks.jax_side import events, library, seeds
from experiments.benchmarks.machine import matrix_products
from experiments.benchmarks.models import descent, model
from vae_jax import TrainState, train_epoch
from vae_jax.types import Array, Key


def training(work: Work) -> Turn:
    """Turns of `train_epoch`, of one seed or of several at once."""
    case, number = case_of(work["case"]), work.get("seeds", 1)
    return library(case, work["steps"]) if number == 1 else seeds(case, work["steps"], number)


def bits(work: Work) -> Turn:
    """Turns that train from the same start; their value is a digest of the parameters' bits.

    With "halves", in two parts, between which the state is on the host, as in a checkpoint.
    """
    case, parts = case_of(work["case"]), 2 if work.get("halves") else 1
    net = model(case)
    step, x = descent(case, net), {"x": events(case, work["steps"] // 2)}
    start = step.init(jax.random.key(1), net.init(jax.random.key(0), x["x"][0]))

    def turn() -> float:
        state = jax.tree.map(jnp.copy, start)
        for epoch in range(2):
            state, _ = train_epoch(step, state, x, batch_size=case.batch)
            if parts == 2 and epoch == 0:
                state = _through_the_host(state)
        return digest(state.params)

    return turn


def digest(params: Any) -> float:
    """48 bits of the sha256 of all parameters: a whole number, exact in a float."""
    found = hashlib.sha256()
    for leaf in jax.tree.leaves(params):
        found.update(np.asarray(leaf).tobytes())
    return float(int(found.hexdigest()[:12], 16))


def drawing(work: Work) -> Turn:
    """Turns of the normals that a step draws, and nothing else."""
    case, impl = case_of(work["case"]), work["impl"]

    def draw(key: Key) -> Array:
        keys = jax.random.split(key, max(case.draws, 1))
        return jax.vmap(lambda k: jax.random.normal(k, (case.latent,)))(keys)

    def step(total: Array, key: Key) -> tuple[Array, None]:
        noise = jax.vmap(draw)(jax.random.split(key, case.batch))
        return total + jnp.sum(noise), None

    @jax.jit
    def run() -> Array:
        keys = jax.random.split(jax.random.key(0, impl=impl), work["steps"])
        return jax.lax.scan(step, jnp.zeros(()), keys)[0]

    return lambda: float(run())


def _through_the_host(state: TrainState) -> TrainState:
    kept = np.asarray(jax.random.key_data(state.key))
    key = jax.random.wrap_key_data(jnp.asarray(kept))
    others = jax.tree.map(np.asarray, state._replace(key=jnp.zeros(())))
    return jax.device_put(others._replace(key=key))


def _of_case(turns: Callable[[Case, int], Turn]) -> Callable[[Work], Turn]:
    return lambda work: turns(case_of(work["case"]), work["steps"])


CONTESTANTS: dict[str, Callable[[Work], Turn]] = {
    "vae_jax": training,
    "bits": bits,
    "drawing": drawing,
    "flax example": _of_case(flax_example),
    "matrix products": _of_case(matrix_products),
}


def prepare(work: Work) -> Turn:
    """The turns of some work."""
    return CONTESTANTS[work["does"]](work)


if __name__ == "__main__":
    serve(prepare)
