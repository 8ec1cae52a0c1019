"""The oracle: a model whose evidence and posterior are known in closed form.

    p(z) = N(m, diag(r)^2),   p(x|z) = N(W z + b, s^2 I),   x [4], z [2]

The columns of W are orthogonal, so that the posterior is a diagonal Gaussian:

    p(x)   = N(W m + b, W diag(r)^2 W' + s^2 I)
    p(z|x) = N(A x + c, diag(v)),   1/v = 1/r^2 + |W_d|^2 / s^2,   A = diag(v) W' / s^2,
             c = v m / r^2 - A b

Parameters are trees of arrays, as a user would have them; the encoder starts at the posterior.
"""

import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats

from vae_jax import VAE, Gaussian

W = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 2)))[0] * np.array([1.5, 0.7])
b = np.array([0.3, -0.2, 0.1, 0.5])
s = 0.6
m = np.array([0.2, -0.1])
r = np.array([1.0, 0.8])

v = 1 / (1 / r**2 + (W**2).sum(0) / s**2)
A = v[:, None] * W.T / s**2
c = v * m / r**2 - A @ b

X = np.array([[1.0, -0.5, 0.4, 0.2], [0.1, 0.9, -1.2, 0.6], [-0.7, 0.3, 0.2, -1.1]])  # [B, 4]


def params(dtype=np.float32, *, shift=0.0, width=1.0):
    """Of encoder, decoder and prior; q moved by `shift` and made `width` as wide, in units of the
    posterior's standard deviation."""
    tree = {
        "encoder": {"A": A, "c": c + shift * np.sqrt(v), "log_scale": np.log(width * np.sqrt(v))},
        "decoder": {"W": W, "b": b, "log_scale": np.log(s)},
        "prior": {"loc": m, "log_scale": np.log(r)},
    }
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), tree)


def model(params):
    """The closures encode and decode, and the prior."""

    def encode(x):
        enc = params["encoder"]
        return Gaussian(enc["A"] @ x + enc["c"], enc["log_scale"])

    def decode(z):
        dec = params["decoder"]
        return Gaussian(dec["W"] @ z + dec["b"], dec["log_scale"])

    return encode, decode, Gaussian(params["prior"]["loc"], params["prior"]["log_scale"])


RECORD = VAE(
    init=lambda key, x, c=None: params(),
    encode=lambda params, x, c=None, key=None: model(params)[0](x),
    decode=lambda params, z, c=None, key=None: model(params)[1](z),
    prior=lambda params, c=None, key=None: model(params)[2],
)


def batched_model(params):
    """The same, over a batch of x and a batch of z."""
    encode, decode, prior = model(params)
    return jax.vmap(encode), jax.vmap(decode), prior


def log_evidence(x):
    """log p(x), float64: [] for x [4], [B] for x [B, 4]."""
    cov = W @ np.diag(r**2) @ W.T + s**2 * np.eye(4)
    return scipy.stats.multivariate_normal.logpdf(x, W @ m + b, cov)


def log_weights(params, x, z):
    """log p(x|z) + log p(z) - log q(z|x) by scipy, [K], for z [K, 2]."""
    p = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
    z = np.asarray(z, np.float64)
    enc, dec, prior = p["encoder"], p["decoder"], p["prior"]
    normal = scipy.stats.norm.logpdf
    log_lik = normal(x, z @ dec["W"].T + dec["b"], np.exp(dec["log_scale"])).sum(1)
    log_prior = normal(z, prior["loc"], np.exp(prior["log_scale"])).sum(1)
    log_q = normal(z, enc["A"] @ x + enc["c"], np.exp(enc["log_scale"])).sum(1)
    return log_lik + log_prior - log_q


def z_score(values, expected=0.0):
    """How many standard errors the mean of values [n, ...] is from what is expected."""
    values = np.asarray(values, np.float64) - expected
    return values.mean(0) / (values.std(0, ddof=1) / np.sqrt(len(values)))
