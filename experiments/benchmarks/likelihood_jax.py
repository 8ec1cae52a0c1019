"""The contestants of the likelihood benchmark that are written in JAX: ours, its parts, the limit.

A step of theirs is an image.
"""

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from experiments.benchmarks.cases import CASES, Case, images
from experiments.benchmarks.contest import Turn, Work, serve
from experiments.benchmarks.dense import decoding, encoding, load_weights
from experiments.benchmarks.machine import Product
from experiments.benchmarks.models import model
from vae_jax.bounds import LogLikelihood, log_likelihood
from vae_jax.distributions import Distribution
from vae_jax.evaluate import log_likelihoods
from vae_jax.types import Array, Event, Key, Params

_DEFAULTS = inspect.signature(log_likelihoods).parameters
BATCH_SIZE: int = _DEFAULTS["batch_size"].default
CHUNK_SIZE: int = _DEFAULTS["chunk_size"].default
LIMIT, DRAWING = "matrix products", "drawing alone"


def library(case: Case, work: Work) -> Turn:
    """Turns of `evaluate.log_likelihoods`: with its defaults, unless the work says otherwise."""
    net, params = model(case), load_weights(Path(work["weights"]))
    options = work["sizes"].get(work["contestant"], {})
    data, key = {"x": jnp.asarray(images(work["steps"]))}, jax.random.key(0)

    def turn() -> float:
        nonlocal key
        key, now = jax.random.split(key)
        found = log_likelihoods(
            net, params, now, data, num_samples=work["importance_samples"], **options
        )
        return float(found.value.mean())

    return turn


def matrix_products(case: Case, work: Work) -> Turn:
    """Turns of the products alone, of the shapes that the sizes make, and as many of them."""
    batch_size, batches, draws, chunks = _sizes(work)
    first = _operands(encoding(case, batch_size))
    second = _operands(decoding(case, batch_size * draws))

    @jax.jit
    def run(first: list[Array], second: list[Array]) -> tuple[Array, Array]:
        encoded = _repeated(first, batches)
        return encoded, _repeated(second, batches * chunks)

    def turn() -> float:
        jax.block_until_ready(run(first, second))
        return 0.0  # it has no likelihood

    return turn


def decoding_alone(case: Case, work: Work) -> Turn:
    """Turns of the decoder and the density of the images, at latents that are there."""
    net, params = model(case), load_weights(Path(work["weights"]))
    batch_size, batches, draws, chunks = _sizes(work)
    z = jax.random.normal(jax.random.key(0), (batch_size, draws, case.latent))

    def run(params: Params, x: Array, z: Array) -> Array:
        def density(x: Array, z: Array) -> Array:
            return net.decode(params, z).log_prob(x)

        def again(_: int, z: Array) -> Array:
            found = jax.vmap(jax.vmap(density, (None, 0)))(x, z)
            return z + 1e-12 * found[..., None]  # changed: no compiler does them once

        return jax.lax.fori_loop(0, batches * chunks, again, z)

    return _timed(run, params, jnp.asarray(images(batch_size)), z)


def drawing_alone(case: Case, work: Work) -> Turn:
    """Turns of the latents, each from its key, and of their densities under posterior and prior."""
    net, params = model(case), load_weights(Path(work["weights"]))
    batch_size, batches, draws, chunks = _sizes(work)
    prior = net.prior(params)

    def weight(q: Distribution, key: Key) -> Array:
        z, log_q = q.sample_and_log_prob(key)
        return prior.log_prob(z) - log_q

    def run(q: Distribution, key: Key) -> Array:
        def again(chunk: int, total: Array) -> Array:
            keys = jax.random.split(jax.random.fold_in(key, chunk), (batch_size, draws))
            return total + jax.vmap(jax.vmap(weight, (None, 0)))(q, keys)

        return jax.lax.fori_loop(0, batches * chunks, again, jnp.zeros((batch_size, draws)))

    q = jax.vmap(partial(net.encode, params))(jnp.asarray(images(batch_size)))
    return _timed(run, q, jax.random.key(0))


PARTS = {
    LIMIT: matrix_products,
    "decoding alone": decoding_alone,
    DRAWING: drawing_alone,
}


def temporary_bytes(
    case: Case, num_samples: int, batch_size: int = BATCH_SIZE, chunk_size: int = CHUNK_SIZE
) -> int:
    """Bytes that the compiled likelihood of a batch needs besides what goes in and comes out."""
    net = model(case)

    def score(params: Params, key: Key, x: Event) -> LogLikelihood:
        encode, decode = partial(net.encode, params), partial(net.decode, params)
        sizes = {"num_samples": num_samples, "chunk_size": chunk_size}
        return log_likelihood(key, x, encode, decode, net.prior(params), **sizes)

    x, keys = jnp.asarray(images(batch_size)), jax.random.split(jax.random.key(0), batch_size)
    params = net.init(keys[0], x[0])
    compiled = jax.jit(jax.vmap(score, in_axes=(None, 0, 0))).lower(params, keys, x).compile()
    needed = compiled.memory_analysis()
    if needed is None:
        raise RuntimeError("This device does not say what memory compiled code needs.")
    return int(needed.temp_size_in_bytes)


def prepare(work: Work) -> Turn:
    """The turns of a contestant."""
    return PARTS.get(work["contestant"], library)(CASES[work["case"]], work)


def _sizes(work: Work) -> tuple[int, int, int, int]:
    """Images of a batch, batches, draws of a chunk, and chunks: by our defaults, unless told."""
    options = work["sizes"].get(work["contestant"], {})
    batch_size = min(options.get("batch_size", BATCH_SIZE), work["steps"])
    chunks = -(-work["importance_samples"] // options.get("chunk_size", CHUNK_SIZE))
    draws = -(-work["importance_samples"] // chunks)
    return batch_size, -(-work["steps"] // batch_size), draws, chunks


def _timed(run: Callable[..., Array], *arguments: Any) -> Turn:
    """Turns of what returns no likelihood."""
    compiled = jax.jit(run)

    def turn() -> float:
        jax.block_until_ready(compiled(*arguments))
        return 0.0

    return turn


def _operands(products: list[Product]) -> list[Array]:
    """The input of the first layer, then every layer's weights, small enough to stay finite."""
    keys = jax.random.split(jax.random.key(0), 1 + len(products))
    shapes = [products[0][:2], *(p[1:] for p in products)]
    return [0.05 * jax.random.normal(k, shape) for k, shape in zip(keys, shapes, strict=True)]


def _repeated(operands: list[Array], times: int) -> Array:
    """The layers so often, the input each time changed by a number: no compiler does them once."""
    first, *weights = operands

    def again(_: int, carried: tuple[Array, Array]) -> tuple[Array, Array]:
        x, _result = carried
        result = x
        for w in weights:
            result = result @ w
        return x.at[0, 0].set(jnp.tanh(result[0, 0])), result

    result = jnp.zeros((len(first), weights[-1].shape[1]))
    return jax.lax.fori_loop(0, times, again, (first, result))[1]


if __name__ == "__main__":
    serve(prepare)
