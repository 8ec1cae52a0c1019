"""Two flow posteriors, as heads: their context is the features."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from vae_jax import Distribution, Gaussian


class Planar(Distribution):
    """z = e + u tanh(w'e + b), e ~ N(loc, exp(log_scale)^2): log q of what it draws alone.

    Reference: Rezende, Mohamed 2015, arXiv 1505.05770, eq. 10 to 13.
    """

    base: Gaussian
    u: jax.Array
    w: jax.Array
    b: jax.Array
    reparameterized = True

    def _sample(self, key):
        return self._sample_and_log_prob(key)[0]

    def _sample_and_log_prob(self, key):
        e, log_q = self.base.sample_and_log_prob(key)
        h, product = jnp.tanh(self.w @ e + self.b), self.w @ self.u
        squared = jnp.where(jnp.any(self.w != 0), self.w @ self.w, 1.0)  # w = 0 of dead features
        # u moved along w until w'u >= -1: else the map is not invertible
        u = self.u + (jax.nn.softplus(product) - 1 - product) * self.w / squared
        return e + u * h, log_q - jnp.log1p((1 - h**2) * (self.w @ u))


class PlanarHead(nn.Module):
    """Features to a planar flow over [D]."""

    size: int

    @nn.compact
    def __call__(self, features):
        loc, log_scale, u, w = (nn.Dense(self.size)(features) for _ in range(4))
        return Planar(Gaussian(loc, log_scale), u, w, nn.Dense(1)(features)[0])


class IAF(Distribution):
    """z = m(e) + s(e) * e, e ~ N(loc, exp(log_scale)^2), m_d and s_d functions of e_<d: a density
    at every z is a loop over the dimensions, that of a draw is not.

    Reference: Kingma et al. 2016, arXiv 1606.04934, eq. 7 to 10.
    """

    base: Gaussian
    weights: dict
    context: jax.Array
    reparameterized = True

    def shift_and_log_scale(self, e):
        hidden = jnp.tanh(_masked(self.weights["in"], False) @ e + self.context)
        return (_masked(self.weights[name], True) @ hidden for name in ("shift", "log_scale"))

    def _sample(self, key):
        return self._sample_and_log_prob(key)[0]

    def _sample_and_log_prob(self, key):
        e, log_q = self.base.sample_and_log_prob(key)
        shift, log_scale = self.shift_and_log_scale(e)
        return shift + jnp.exp(log_scale) * e, log_q - jnp.sum(log_scale)

    def _log_prob(self, value):
        def invert(d, e):
            shift, log_scale = self.shift_and_log_scale(e)
            return e.at[d].set((value[d] - shift[d]) * jnp.exp(-log_scale[d]))

        e = jax.lax.fori_loop(0, value.size, invert, jnp.zeros_like(value))
        _, log_scale = self.shift_and_log_scale(e)
        return self.base.log_prob(e) - jnp.sum(log_scale)


def _masked(kernel, strict):
    """Lower triangular, of blocks; strictly so in one of the two, so that d depends on < d."""
    rows, columns = kernel.shape
    dims = min(rows, columns)
    row = jnp.arange(rows)[:, None] * dims // rows
    column = jnp.arange(columns)[None] * dims // columns
    return jnp.where(row > column if strict else row >= column, kernel, 0.0)


class IAFHead(nn.Module):
    """Features to an inverse autoregressive flow over [D], of M hidden units, a multiple of D."""

    size: int
    hidden: int

    @nn.compact
    def __call__(self, features):
        loc, log_scale = (nn.Dense(self.size)(features) for _ in range(2))
        normal = nn.initializers.normal(0.3)
        shapes = {"in": (self.hidden, self.size), "shift": (self.size, self.hidden)}
        shapes["log_scale"] = shapes["shift"]
        weights = {name: self.param(name, normal, shape) for name, shape in shapes.items()}
        return IAF(Gaussian(loc, log_scale), weights, nn.Dense(self.hidden)(features))
