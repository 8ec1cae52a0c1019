"""Two moons: the data that flows are compared on, and the density they are of."""

import jax
import numpy as np

NOISE = 0.1
Split = tuple[np.ndarray, np.ndarray]


def moons(number: int, seed: int) -> np.ndarray:
    """Points of two half circles, with noise, [number, 2]."""
    rng = np.random.default_rng(seed)
    return _on_circles(rng.uniform(0, np.pi, number), rng.random(number) < 0.5) + NOISE * (
        rng.normal(size=(number, 2))
    )


def log_density(x: np.ndarray) -> np.ndarray:
    """log p of points [N, 2], by quadrature over the half circles."""
    angle = np.linspace(0, np.pi, 400)
    centres = np.concatenate([_on_circles(angle, np.full(400, upper)) for upper in (True, False)])
    squared = ((x[:, None] - centres[None]) ** 2).sum(-1)
    log_p = -0.5 * squared / NOISE**2 - np.log(2 * np.pi * NOISE**2)
    return np.asarray(jax.nn.logsumexp(log_p, axis=1)) - np.log(len(centres))


def _on_circles(angle: np.ndarray, is_upper: np.ndarray) -> np.ndarray:
    upper = np.stack([np.cos(angle), np.sin(angle)], 1)
    return np.where(is_upper[:, None], upper, np.array([[1.0, 0.5]]) - upper)
