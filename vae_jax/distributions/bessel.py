"""Modified Bessel functions, by their logarithms and to float32, at every order and argument.

Debye's expansion is good from an order of 16 on, at every argument; from there a recurrence goes
down, in quantities that are sums of positive numbers. I_v itself underflows in float32, and of
I_{v+1} / I_v, which is near 1, the digits that matter are those of k (1 - I_{v+1} / I_v).

Reference: NIST Digital Library of Mathematical Functions, 10.41.3, 10.41.10 and 10.29.1.
"""

import math

import jax.numpy as jnp

from vae_jax.types import Array

_LARGE = 16.0
_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
# U_k(p) / p^k as polynomials of p^2, k = 1 .. 4, the lowest power first
_DEBYE = (
    (3 / 24, -5 / 24),
    (81 / 1152, -462 / 1152, 385 / 1152),
    (30375 / 414720, -369603 / 414720, 765765 / 414720, -425425 / 414720),
    (
        *(4465125 / 39813120, -94121676 / 39813120, 349922430 / 39813120),
        *(-446185740 / 39813120, 185910725 / 39813120),
    ),
)


def log_bessel(order: float, k: Array) -> tuple[Array, Array]:
    """log(I_v(k) k^-v e^-k), and k (1 - I_{v+1}(k) / I_v(k)), of k > 0.

    Args:
      order: v >= 0.
      k: [].
    """
    steps = max(0, math.ceil(_LARGE - order))
    V = order + steps
    log_i, less = _expansion(V, k)
    for step in range(steps):  # from the order n to n - 1
        n = V - step
        below = 2 * n + k - less
        log_i, less = log_i + jnp.log(below), k * (2 * n - less) / below
    return log_i, less


def _expansion(order: float, k: Array) -> tuple[Array, Array]:
    """The same at a large order V."""
    V = order
    s = jnp.sqrt(V**2 + k**2)
    p = V / s
    total, slope = _polynomials(V, p)
    log_i = V**2 / (s + k) - V * jnp.log(V + s) - _HALF_LOG_2PI - 0.5 * jnp.log(s) + jnp.log(total)
    less = (V + V**2 / (s + k)) / (V + s) + k / (2 * s**2) + slope / total * p * k / s**2
    return log_i, k * less


def _polynomials(order: float, p: Array) -> tuple[Array, Array]:
    """sum_k U_k(p) / order^k, and its derivative in p."""
    total, slope = jnp.ones_like(p), jnp.zeros_like(p)
    for k, terms in enumerate(_DEBYE, 1):
        for n, term in enumerate(terms):
            power, share = k + 2 * n, term / order**k
            total = total + share * p**power
            slope = slope + share * power * p ** (power - 1)
    return total, slope
