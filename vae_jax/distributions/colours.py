"""Pixels of three colours, each seen when the next is drawn."""

import flax.struct
import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, check_shape
from vae_jax.distributions.logistic import is_level, level, log_mass, mixed, nearest_level
from vae_jax.types import Array, Key


class ColourLogistics(Distribution):
    """Independent pixels of red, green and blue, 0 .. L - 1, each by a mixture of C triples of
    discretised logistics: the likelihood of PixelCNN++.

        log p(pixel) = logsumexp_c ( log w_c + log p_c(r) + log p_c(g | r) + log p_c(b | r, g) )

        means in [-1, 1]:  loc_r,   loc_g + a y_r,   loc_b + b y_r + d y_g

    w = softmax(logits), a, b, d the coefficients, y = 2 x / (L - 1) - 1 of the colours *as they
    are*, and each factor a `DiscretisedLogistic`. One component is of all three colours of a pixel.
    The factors are those of pixels. It has no mean that is worked out here: it is shown by draws.

    Args:
      logits: unnormalised log-weights, [..., C]; of images [H, W, C].
      loc, log_scale: of red, green, blue, [..., 3, C].
      coefficients: a, b, d, [..., 3, C].
      levels: L, at least 2.

    Reference: Salimans et al. 2017, arXiv 1701.05517, section 2.2, whose coefficients are a tanh.
    """

    logits: Array
    loc: Array
    log_scale: Array
    coefficients: Array
    levels: int = flax.struct.field(pytree_node=False)

    reparameterized = False
    independent = True  # the pixels, whose factors they are
    base_measure = "counts"
    support = "takes whole numbers 0 .. L - 1, L its levels, in triples along the last axis"

    def _sample(self, key: Key) -> Array:
        self._check_shapes()
        pick_key, *keys = jax.random.split(key, 4)
        picked = jax.random.categorical(pick_key, self.logits)[..., None, None]
        loc, log_scale, coefficients = (
            jax.lax.stop_gradient(jnp.take_along_axis(leaf, picked, -1))
            for leaf in (self.loc, self.log_scale, self.coefficients)
        )
        drawn: list[Array] = []
        for colour, own in enumerate(keys):
            y = jnp.stack([*drawn, *[jnp.zeros_like(loc[..., 0, 0])] * (3 - colour)], axis=-1)
            mean = _means(loc, coefficients, self._unit(y))[..., colour, 0]
            noise = jax.random.logistic(own, mean.shape, mean.dtype)
            x = nearest_level(mean + jnp.exp(log_scale[..., colour, 0]) * noise, self.levels)
            drawn.append(x.astype(mean.dtype))
        return jnp.stack(drawn, axis=-1).astype(jnp.int32)

    def _log_prob(self, value: Array) -> Array:
        return jnp.sum(self._log_prob_factors(value))

    def _log_prob_factors(self, value: Array) -> Array:
        self._check_shapes()
        check_shape("ColourLogistics", value, self.loc.shape[:-1])
        x = level(value, self.levels, self.loc.dtype)
        mean = _means(self.loc, self.coefficients, self._unit(x))
        spread = jnp.broadcast_to(x[..., None], mean.shape)
        each = log_mass(spread, mean, self.log_scale, self.levels)
        log_p = mixed(self.logits, jnp.sum(each, axis=-2))
        return jnp.where(jnp.all(is_level(value, self.levels), axis=-1), log_p, -jnp.inf)

    def in_support(self, value: Array) -> Array:
        """Every value a whole number in 0 .. L - 1."""
        return jnp.all(is_level(value, self.levels))

    def _unit(self, x: Array) -> Array:
        """Levels on the scale [-1, 1]."""
        return 2 * x / (self.levels - 1) - 1

    def _check_shapes(self) -> None:
        *pixels, components = jnp.shape(self.logits)
        expected = (*pixels, 3, components)
        shapes = [jnp.shape(leaf) for leaf in (self.loc, self.log_scale, self.coefficients)]
        if self.levels < 2 or any(shape != expected for shape in shapes):
            raise ValueError(
                f"ColourLogistics of {self.levels} levels: logits have shape"
                f" {jnp.shape(self.logits)}, and loc, log_scale and coefficients {shapes}; these"
                f" must be {expected}, and the levels at least 2."
            )


def _means(loc: Array, coefficients: Array, y: Array) -> Array:
    """Of each colour, [..., 3, C], given those before it, y [..., 3]."""
    red, green = y[..., :1], y[..., 1:2]
    a, b, d = (coefficients[..., i, :] for i in range(3))
    moved = [jnp.zeros_like(a), a * red, b * red + d * green]
    return loc + jnp.stack(moved, axis=-2)
