"""Logistic densities, cut into the masses of L levels, and mixtures of them."""

import math

import flax.struct
import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, check_shape
from vae_jax.distributions.gaussian import inverse_root, standardized
from vae_jax.log_sums import log_sum_exp
from vae_jax.types import Array, Key

_LOG_2 = math.log(2)
_PARTS = 4096.0  # a part of a location whose products with levels are exact in float32
_WIDE, _NARROW = 1.0, 7.0  # of the log of a width: from 7 on e^(-e^7) is 0 in float64


class DiscretisedLogistic(Distribution):
    """Independent integers 0 .. L - 1, each the masses of a logistic density on L intervals.

        p(x) = sigmoid(a) - sigmoid(b),   a, b = (y - loc +- 1 / (L - 1)) / s
        y = 2 x / (L - 1) - 1 in [-1, 1],   s = exp(log_scale)
        log p(x) = log sigmoid(a) + log sigmoid(-b) + log(1 - e^(b - a))

    and of the two levels at the ends the tails as well: a = inf for x = L - 1, b = -inf for x = 0.
    The last line has no difference in it, and is right at every scale. Where s is below 1 / (L - 1)
    nearly all mass is on one level; the standard deviation of the density is pi / sqrt(3) s.

    Args:
      loc: mean of the density, of [-1, 1], the event's shape.
      log_scale: log s, the event's shape, or [] for one scale shared by all dimensions.
      levels: L, at least 2.

    Reference: Kingma et al. 2016, arXiv 1606.04934, eq. 21; the last line is of this library.
    """

    loc: Array
    log_scale: Array
    levels: int = flax.struct.field(pytree_node=False)

    reparameterized = False
    independent = True
    base_measure = "counts"
    support = "takes whole numbers 0 .. L - 1, L its levels"

    def _sample(self, key: Key) -> Array:
        _check_shapes(self, self.loc.shape)
        loc, log_scale = jax.lax.stop_gradient((self.loc, self.log_scale))
        noise = jax.random.logistic(key, loc.shape, loc.dtype)
        return nearest_level(loc + jnp.exp(log_scale) * noise, self.levels)

    def _log_prob(self, value: Array) -> Array:
        return jnp.sum(self._log_prob_factors(value))

    def _log_prob_factors(self, value: Array) -> Array:
        check_shape("DiscretisedLogistic", value, self.loc.shape)
        _check_shapes(self, self.loc.shape)
        x = level(value, self.levels, self.loc.dtype)
        log_p = log_mass(x, self.loc, jnp.broadcast_to(self.log_scale, x.shape), self.levels)
        return jnp.where(is_level(value, self.levels), log_p, -jnp.inf)

    def mean(self) -> Array:
        """sum over the levels x p(x), the event's shape."""
        own = self._promoted()
        return _mean(own.loc, jnp.broadcast_to(own.log_scale, own.loc.shape), self.levels)

    def in_support(self, value: Array) -> Array:
        """Every value a whole number in 0 .. L - 1."""
        return jnp.all(is_level(value, self.levels))


class LogisticMixture(Distribution):
    """Independent integers 0 .. L - 1, each by a mixture of C discretised logistics of its own.

        log p(x) = sum_d  logsumexp_c ( log_softmax(logits_d)_c + log p_dc(x_d) )

    with p_dc as in `DiscretisedLogistic`. Not a `Mixture`, which picks one component for all
    dimensions together.

    Args:
      logits: unnormalised log-weights, [..., C], the event's shape and C.
      loc, log_scale: of the components, [..., C].
      levels: L, at least 2.

    Reference: Salimans et al. 2017, arXiv 1701.05517, section 2.1.
    """

    logits: Array
    loc: Array
    log_scale: Array
    levels: int = flax.struct.field(pytree_node=False)

    reparameterized = False
    independent = True
    base_measure = "counts"
    support = "takes whole numbers 0 .. L - 1, L its levels"

    def _sample(self, key: Key) -> Array:
        pick_key, draw_key = jax.random.split(key)
        picked = jax.random.categorical(pick_key, self.logits)[..., None]
        loc, log_scale = (
            jnp.take_along_axis(leaf, picked, -1)[..., 0] for leaf in (self.loc, self.log_scale)
        )
        return DiscretisedLogistic(loc, log_scale, self.levels).sample(draw_key)

    def _log_prob(self, value: Array) -> Array:
        return jnp.sum(self._log_prob_factors(value))

    def _log_prob_factors(self, value: Array) -> Array:
        check_shape("LogisticMixture", value, self.loc.shape[:-1])
        _check_shapes(self, self.logits.shape)
        x = level(value, self.levels, self.loc.dtype)[..., None]
        each = log_mass(jnp.broadcast_to(x, self.loc.shape), self.loc, self.log_scale, self.levels)
        log_p = mixed(self.logits, each)
        return jnp.where(is_level(value, self.levels), log_p, -jnp.inf)

    def mean(self) -> Array:
        """The weighted mean of the components' means, the event's shape."""
        own = self._promoted()
        means = _mean(own.loc, own.log_scale, self.levels)
        return jnp.sum(jax.nn.softmax(own.logits) * means, axis=-1)

    def in_support(self, value: Array) -> Array:
        """Every value a whole number in 0 .. L - 1."""
        return jnp.all(is_level(value, self.levels))


def is_level(value: Array, levels: int) -> Array:
    """Whether each value is a whole number in 0 .. L - 1."""
    value = jnp.asarray(value)
    return (value >= 0) & (value <= levels - 1) & (value == jnp.floor(value))


def level(value: Array, levels: int, dtype: jnp.dtype) -> Array:
    """Each value as a float; some level, where it is none."""
    return jnp.where(is_level(value, levels), jnp.asarray(value).astype(dtype), 0.0)


def nearest_level(y: Array, levels: int) -> Array:
    """The level, int32, in whose interval a number of the scale [-1, 1] is."""
    x = jnp.round((y + 1) * ((levels - 1) / 2))
    return jnp.clip(x, 0, levels - 1).astype(jnp.int32)


def mixed(logits: Array, log_p: Array) -> Array:
    """logsumexp_c (log_softmax(logits)_c + log p_c), over the last axis."""
    return log_sum_exp(jnp.moveaxis(jax.nn.log_softmax(logits) + log_p, -1, 0))


def log_mass(x: Array, loc: Array, log_scale: Array, levels: int) -> Array:
    """log p(x) of each value by itself; x whole numbers 0 .. L - 1, all of one shape."""
    middle = 2 * x - (levels - 1)
    upper = jnp.where(x == levels - 1, jnp.inf, _distance(middle + 1, loc, levels))
    lower = jnp.where(x == 0, -jnp.inf, _distance(middle - 1, loc, levels))
    # the distances are L - 1 times too long, and so is the scale by which they are divided
    return _log_mass(upper, lower, log_scale + jnp.log(jnp.asarray(levels - 1.0, x.dtype)))


def _distance(edge: Array, loc: Array, levels: int) -> Array:
    """edge - (L - 1) loc, edge a whole number, without a rounding of the product: near an edge that
    would be as large as the scale."""
    coarse = jnp.where(jnp.abs(loc) < _PARTS, jnp.round(loc * _PARTS) / _PARTS, loc)
    coarse = jax.lax.stop_gradient(coarse)
    return (edge - coarse * (levels - 1)) - (loc - coarse) * (levels - 1)


@jax.custom_jvp
def _log_mass(upper: Array, lower: Array, log_scale: Array) -> Array:
    a, b = _scaled(upper, log_scale), _scaled(lower, log_scale)
    is_end = jnp.isinf(upper) | jnp.isinf(lower)
    inside = jnp.where(is_end, 0.0, _log_share(_LOG_2 - log_scale))
    return jax.nn.log_sigmoid(a) + jax.nn.log_sigmoid(-b) + inside


@_log_mass.defjvp
def _log_mass_jvp(
    at: tuple[Array, Array, Array], moved: tuple[Array, Array, Array]
) -> tuple[Array, Array]:
    # By hand: where the mass is 0 its derivative is infinite, and has no part in anything; and an
    # edge at infinity has none.
    upper, lower, log_scale = at
    log_p = _log_mass(*at)
    a, b = _scaled(upper, log_scale), _scaled(lower, log_scale)
    possible = log_p != -jnp.inf
    up = jnp.where(possible, jax.nn.sigmoid(-a), 0.0)
    down = jnp.where(possible, jax.nn.sigmoid(b), 0.0)
    is_end = jnp.isinf(upper) | jnp.isinf(lower)
    width = jnp.where(is_end, 0.0, _share_slope(_LOG_2 - log_scale))
    by_scale = down * _finite(b) - up * _finite(a) - width
    edges = _moved(up, moved[0], log_scale) - _moved(down, moved[1], log_scale)
    return log_p, edges + by_scale * moved[2]


def _scaled(distance: Array, log_scale: Array) -> Array:
    """distance / exp(log_scale), of an infinite one itself."""
    is_end = jnp.isinf(distance)
    return jnp.where(is_end, distance, standardized(jnp.where(is_end, 0.0, distance), log_scale))


def _moved(slope: Array, d_distance: Array, log_scale: Array) -> Array:
    """slope d_distance / exp(log_scale); no slope, no movement, however small the scale is."""
    root = jnp.where(slope == 0, 0.0, inverse_root(log_scale))
    return slope * (d_distance * root * root)


def _finite(scaled: Array) -> Array:
    return jnp.where(jnp.isfinite(scaled), scaled, 0.0)


def _log_share(log_width: Array) -> Array:
    """log(1 - exp(-w)), w = exp(log_width) > 0: of small w it is about log w."""
    small = jnp.minimum(log_width, _WIDE)
    w = jnp.maximum(jnp.exp(small), jnp.finfo(small.dtype).tiny)
    large = jnp.clip(log_width, 0.0, _NARROW)
    by_width = small + jnp.log(-jnp.expm1(-w) / w)
    return jnp.where(log_width < 0, by_width, jnp.log1p(-jnp.exp(-jnp.exp(large))))


def _share_slope(log_width: Array) -> Array:
    """d log(1 - exp(-w)) / d log w = w / (e^w - 1)."""
    w = jnp.exp(jnp.minimum(log_width, _NARROW))
    large = jnp.where(w > 1e-3, w, 1.0)
    slope = large * jnp.exp(-large) / -jnp.expm1(-large)
    return jnp.where(w > 1e-3, slope, 1 - w / 2 + w**2 / 12)


def _mean(loc: Array, log_scale: Array, levels: int) -> Array:
    """sum over the levels of P(x >= k), in turn: at once they would be L times the size."""

    def one_more(k: int, total: Array) -> Array:
        edge = (2.0 * k - levels) / (levels - 1)  # between k - 1 and k
        return total + jax.nn.sigmoid(standardized(loc - edge, log_scale))

    return jax.lax.fori_loop(1, levels, one_more, jnp.zeros_like(loc))


def _check_shapes(own: DiscretisedLogistic | LogisticMixture, full: tuple[int, ...]) -> None:
    name, loc, scale = type(own).__name__, jnp.shape(own.loc), jnp.shape(own.log_scale)
    if own.levels < 2:
        raise ValueError(f"{name}: levels must be at least 2; got {own.levels}.")
    shared = () if isinstance(own, DiscretisedLogistic) else full
    if loc != full or scale not in (full, shared):
        raise ValueError(
            f"{name}: loc has shape {loc} and log_scale {scale}; both must be of shape {full}."
        )
