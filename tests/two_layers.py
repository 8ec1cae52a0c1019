"""The oracle of hierarchies: two stochastic layers whose evidence and posterior are known.

    p(z2) = N(0, 1),   p(z1|z2) = N(a z2, s1^2),   p(x|z1) = N(w z1 + b, s^2 I),   x [3]
    q(z1|x) = N(A x + c, v1),   q(z2|z1) = N(d z1 + e, v2)

At the right A, c, v1, d, v2 (and e = 0) q is the posterior, and log p(x) is scipy's.
"""

from collections import OrderedDict

import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats

from vae_jax import Gaussian, Trace, standard_gaussian

a, s1, w, b, s = 0.8, 0.7, np.array([1.2, -0.5, 0.4]), np.array([0.1, 0.0, -0.3]), 0.9
r1_squared = a**2 + s1**2  # the variance of z1
v1 = 1 / (1 / r1_squared + w @ w / s**2)
v2 = 1 / (1 + a**2 / s1**2)
COV = r1_squared * np.outer(w, w) + s**2 * np.eye(3)
X = np.array([[0.5, -1.0, 0.3], [2.0, 0.4, -0.6]])


def make_params(dtype=np.float32, *, shift=0.0, width=1.0):
    """q moved by `shift` and made `width` as wide, in units of the posterior's deviations."""
    A = v1 * w / s**2
    tree = {
        "encoder": {
            "A": A,
            "c": shift * np.sqrt(v1) - A @ b,
            "d": v2 * a / s1**2,
            "e": shift * np.sqrt(v2),
            "log_scales": np.log(width * np.sqrt([v1, v2])),
        },
        "decoder": {"w": w, "b": b, "log_scale": np.log(s)},
        "prior": {"a": a, "log_scale": np.log(s1)},
    }
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), tree)


def drawn(q, key, z):
    """A draw and its log q; or z, and its log q."""
    return q.sample_and_log_prob(key) if z is None else (z, q.log_prob(z))


def run(model, params, key, x, c=None, z=None, noise=None):
    enc, dec, prior = params["encoder"], params["decoder"], params["prior"]
    key1, key2 = jax.random.split(key)
    q1 = Gaussian(enc["A"] @ x + enc["c"], enc["log_scales"][0])
    z1, log_q1 = drawn(q1, key1, z and z["z1"])
    q2 = Gaussian(enc["d"] * z1 + enc["e"], enc["log_scales"][1])
    z2, log_q2 = drawn(q2, key2, z and z["z2"])
    q = OrderedDict(z1=q1, z2=q2)
    p = OrderedDict(z2=standard_gaussian(), z1=Gaussian(prior["a"] * z2, prior["log_scale"]))
    likelihood = Gaussian(dec["w"] * z1 + dec["b"], dec["log_scale"])
    return Trace({"z1": z1, "z2": z2}, q, p, likelihood, {"z1": log_q1, "z2": log_q2})


def batch(dtype=np.float32):
    return {"x": jnp.asarray(X, dtype)}


def log_evidence():
    """log p(x) of the two examples X, float64 [2]."""
    return scipy.stats.multivariate_normal.logpdf(X, b, COV)
