"""How fast a step could be here: its matrix products, and nothing else, on this machine.

A layer of a network multiplies matrices three times a step: going forward, for the gradient in its
input, and for the gradient in its weights; the first layer, whose input are data, twice. A
convolution counts as the product of its patches with its kernel.
"""

import itertools
import platform
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks.cases import PIXELS, SIDE, UP, Case
from experiments.benchmarks.contest import Turn, cores
from vae_jax.types import Array

_KERNEL = 4 * 4
_Carried = tuple[list[tuple[Array, Array]], list[Array]]  # operands, results


class Product(NamedTuple):
    """[rows, inner] times [inner, columns]."""

    rows: int
    inner: int
    columns: int


def operations(case: Case) -> int:
    """Additions and multiplications of the matrix products of a step."""
    return sum(2 * p.rows * p.inner * p.columns for p in products(case))


def products(case: Case) -> list[Product]:
    """The matrix products of a step."""
    first, *others = _layers(case)
    found = [first, Product(first.inner, first.rows, first.columns)]
    for rows, inner, columns in others:
        found += [Product(rows, inner, columns), Product(rows, columns, inner)]
        found += [Product(inner, rows, columns)]
    return found


def matrix_products(case: Case, steps: int) -> Turn:
    """Turns of the products alone: the time of a step that did nothing else."""
    shapes = products(case)
    rng = np.random.default_rng(0)
    operands = [_operands(rng, p, case.dtype or "float32") for p in shapes]
    carried = operands, [jnp.zeros((p.rows, p.columns), operands[0][0].dtype) for p in shapes]

    @partial(jax.jit, donate_argnums=0)  # a turn copies nothing, and asks for no memory
    def run(carried: _Carried) -> _Carried:
        return jax.lax.fori_loop(0, steps, _again, carried)

    def turn() -> float:
        nonlocal carried
        carried = jax.block_until_ready(run(carried))
        return 0.0  # it has no loss

    return turn


def machine() -> dict[str, str | int]:
    """The processor's name, and the threads everyone uses."""
    return {"processor": _processor(), "threads": cores()}


def _layers(case: Case) -> Iterator[Product]:
    """The forward products."""
    yield from _convolutions(case) if case.convolutional else _dense(case)


def _dense(case: Case) -> Iterator[Product]:
    decoded = case.batch * max(case.draws, 1)
    encoder = (PIXELS, *case.encoder, 2 * case.latent)
    decoder = (case.latent, *case.decoder, PIXELS)
    for rows, widths in ((case.batch, encoder), (decoded, decoder)):
        for inner, columns in itertools.pairwise(widths):
            yield Product(rows, inner, columns)


def _convolutions(case: Case) -> Iterator[Product]:
    side, inputs = SIDE, 1
    for channels in case.encoder:
        side //= 2
        yield Product(case.batch * side**2, _KERNEL * inputs, channels)
        inputs = channels
    yield Product(case.batch, side**2 * inputs, 2 * case.latent)
    side, inputs = SIDE // 2 ** len(case.decoder), case.decoder[0]
    yield Product(case.batch, case.latent, side**2 * inputs)
    for channels in case.decoder:
        yield _doubling(case.batch * side**2, inputs, channels)
        side, inputs = 2 * side, channels
    yield Product(case.batch * side**2, inputs, 1)


def _doubling(pixels: int, inputs: int, channels: int) -> Product:
    if UP == "resized":
        return Product(4 * pixels, _KERNEL * inputs, channels)
    return Product(pixels, inputs, _KERNEL * channels)


def _again(_: int, carried: _Carried) -> _Carried:
    """All products once more, each with one number changed: a compiler does nothing twice.

    On a CPU that change costs nothing. On a GPU it is a small kernel beside each product, so that
    the smallest products take longer here than in a step.
    """
    pairs, _results = carried
    results = [a @ b for a, b in pairs]
    changed = [a.at[0, 0].set(jnp.tanh(r[0, 0])) for (a, _), r in zip(pairs, results, strict=True)]
    return [(a, b) for a, (_, b) in zip(changed, pairs, strict=True)], results


def _operands(rng: np.random.Generator, shape: Product, dtype: str) -> tuple[Array, Array]:
    left = rng.standard_normal((shape.rows, shape.inner), dtype=np.float32)
    right = rng.standard_normal((shape.inner, shape.columns), dtype=np.float32)
    return jnp.asarray(left, dtype), jnp.asarray(right, dtype)


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    if described.exists():
        for line in described.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
