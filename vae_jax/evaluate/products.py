"""The precision of matrix products, in an evaluation and beside it."""

import contextlib
from collections.abc import Iterator

import jax

EXACT = "highest"


@contextlib.contextmanager
def exact_products() -> Iterator[None]:
    """Float32 products in full, unless the caller has chosen a precision.

    JAX rounds the operands of float32 products to bfloat16 on TPUs and to TF32 on recent GPUs,
    where nothing else is said (`jax_default_matmul_precision`): a bound that is exact on paper is
    then up to 0.013 nats off (docs/accelerators.md). Training takes what JAX takes.
    """
    with jax.default_matmul_precision(precisions()["evaluation"]):
        yield


def precisions() -> dict[str, str]:
    """Of the products of training and of evaluation, as things stand."""
    chosen: str | None = jax.config.jax_default_matmul_precision  # type: ignore[attr-defined,unused-ignore]
    return {"training": chosen or "default", "evaluation": chosen or EXACT}
