"""The contestants of the training benchmark that are written in JAX: this library, and others."""

import jax
import jax.numpy as jnp

from experiments.benchmarks.cases import CASES, SIDE, Case, images
from experiments.benchmarks.contest import Turn, Work, serve
from experiments.benchmarks.flax_example import flax_example
from experiments.benchmarks.machine import matrix_products
from experiments.benchmarks.models import descent, model
from vae_jax import TrainState, train_epoch
from vae_jax.train.steps import Metrics
from vae_jax.types import Batch


def library(case: Case, steps: int) -> Turn:
    """Turns of `train_epoch`."""
    net = model(case)
    step = descent(case, net)
    data = {"x": events(case, steps)}
    state = step.init(jax.random.key(1), net.init(jax.random.key(0), data["x"][0]))

    def turn() -> float:
        nonlocal state
        state, metrics = train_epoch(step, state, data, batch_size=case.batch)
        jax.block_until_ready(state)
        return float(jnp.mean(metrics["loss"]))

    return turn


def seeds(case: Case, steps: int, number: int) -> Turn:
    """Turns of `train_epoch` of several seeds at once."""
    net = model(case)
    step, data = descent(case, net), {"x": events(case, steps)}
    inits, keys = (jax.random.split(jax.random.key(i), number) for i in range(2))
    params = jax.vmap(net.init, in_axes=(0, None))(inits, data["x"][0])
    states = jax.vmap(step.init)(keys, params)

    def one(state: TrainState, data: Batch) -> tuple[TrainState, Metrics]:
        return train_epoch(step, state, data, batch_size=case.batch)

    epoch = jax.jit(jax.vmap(one, in_axes=(0, None)), donate_argnums=0)

    def turn() -> float:
        nonlocal states
        states, metrics = jax.block_until_ready(epoch(states, data))
        return float(jnp.mean(metrics["loss"]))

    return turn


CONTESTANTS = {
    "vae_jax": library,
    "flax example": flax_example,
    "matrix products": matrix_products,
}


def prepare(work: Work) -> Turn:
    """The turns of a contestant in a case."""
    return CONTESTANTS[work["contestant"]](CASES[work["case"]], work["steps"])


def events(case: Case, steps: int) -> jax.Array:
    """The pixels of so many steps, in the shape that the networks of a case take."""
    x = jnp.asarray(images(steps * case.batch))
    return x.reshape(-1, SIDE, SIDE, 1) if case.convolutional else x


if __name__ == "__main__":
    serve(prepare)
