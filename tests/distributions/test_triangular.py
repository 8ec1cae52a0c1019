"""Triangular systems and factors: LAPACK's values, and on a CPU never its batched calls."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import FullGaussian, kl, triangular
from vae_jax.distributions import PrecisionGaussian
from vae_jax.flows import Linear

L = np.tril(np.random.default_rng(0).normal(size=(5, 5))) + 3 * np.eye(5)
ABOVE = np.triu(np.full((5, 5), np.nan), 1)  # is not read


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shape", [(5,), (5, 3)])
def test_solutions_and_their_derivatives(transposed, shape):
    b = np.random.default_rng(1).normal(size=shape)
    inverse = np.linalg.inv(L.T if transposed else L)
    solve = lambda factor, b: triangular.solve(factor, b, transposed=transposed)  # noqa: E731
    x, pulled = jax.vjp(solve, jnp.float32(L + ABOVE), jnp.float32(b))
    np.testing.assert_allclose(x, inverse @ b, rtol=1e-5, atol=1e-6)
    by_factor, by_right = pulled(jnp.ones(shape))
    slope = inverse.T @ np.ones(shape)
    np.testing.assert_allclose(by_right, slope, rtol=1e-5, atol=1e-6)
    outer = -(slope.reshape(5, -1) @ np.reshape(inverse @ b, (5, -1)).T)
    np.testing.assert_allclose(
        by_factor, np.tril(outer.T if transposed else outer), rtol=1e-4, atol=1e-6
    )


def test_a_factor_and_its_derivative():
    S = L @ L.T
    change = np.outer(L[0] + 1, L[0] + 1)
    factor, moved = jax.jvp(triangular.cholesky, (jnp.float32(S),), (jnp.float32(change),))
    np.testing.assert_allclose(factor, np.linalg.cholesky(S), rtol=1e-5, atol=1e-6)
    ahead, behind = (np.linalg.cholesky(S + h * change) for h in (1e-6, -1e-6))
    np.testing.assert_allclose(moved, (ahead - behind) / 2e-6, rtol=1e-3, atol=1e-5)
    assert np.all(np.isnan(triangular.cholesky(-jnp.eye(2))[0, 0]))


def test_no_program_of_many_examples_waits_for_lapack(key):
    """Of those that solve or factor, none calls it: as lowered for a CPU, and not for a GPU."""
    eye, zero = jnp.eye(3), jnp.zeros(3)
    full = FullGaussian(zero, zero, eye)
    programs = [
        lambda x: full.log_prob(x),
        lambda x: kl(FullGaussian(x, zero, eye), full),
        lambda x: PrecisionGaussian(jnp.diag(x)).sample(key),
        lambda x: Linear(eye, eye, zero).inverse_and_log_det(x)[0],
        lambda x: triangular.cholesky(jnp.diag(x)),
    ]
    every = lambda x: sum(jnp.sum(program(x)) for program in programs)  # noqa: E731
    traced = jax.jit(jax.vmap(jax.value_and_grad(every))).trace(jnp.ones((4, 3)))
    assert "lapack" not in traced.lower(lowering_platforms=("cpu",)).as_text()
    assert "solver" in traced.lower(lowering_platforms=("cuda",)).as_text()
