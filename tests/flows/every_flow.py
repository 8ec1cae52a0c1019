"""One row for each flow, for the battery that goes through them all."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from vae_jax import flows

D = 5


class Row(NamedTuple):
    """A flow over D values, and by what its parameters are multiplied to be extreme ones."""

    flow: Any
    extreme: float = 1e3


def normal(*shape, seed=0):
    return jnp.array(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def moved(weights, kept):
    """Of the last three by the first two."""
    hidden = jnp.tanh(weights["kernel"] @ kept + weights["bias"])
    return flows.Affine(hidden[:3], hidden[3:])


def bent(weights, kept):
    """The same, by splines of four bins."""
    raw = (weights["kernel"] @ kept).reshape(3, 11)
    return flows.Spline(raw[:, :4], raw[:, 4:8], raw[:, 8:])


def by_those_before(weights, u):
    shift, raw = jnp.tril(weights["kernel"], -1) @ u + weights["bias"]
    return flows.Affine(shift, jnp.tanh(raw))


AFFINE = flows.Affine(normal(D), normal(D, seed=1))
COUPLING = flows.Coupling({"kernel": normal(6, 2), "bias": normal(6)}, moved, 2)
IAF = flows.AutoregressiveFlow({"kernel": normal(2, D, D), "bias": normal(2, D)}, by_those_before)
SPLINE = flows.Spline(normal(D, 6), normal(D, 6, seed=1), normal(D, 5, seed=2))
PLANAR = flows.Planar(normal(D), normal(D, seed=4), jnp.array(0.3))
LINEAR = flows.Linear(normal(D, D) / 3, normal(D, D, seed=1) / 3, normal(D))
TURNED = flows.Permutation((3, 0, 4, 1, 2))

EVERY = {
    "planar": Row(PLANAR),
    "planar-against": Row(PLANAR.replace(u=-PLANAR.w)),
    "radial": Row(flows.Radial(normal(D), jnp.array(0.4), jnp.array(-1.0))),
    "radial-outward": Row(flows.Radial(normal(D), jnp.array(-0.4), jnp.array(1.0))),
    "sylvester": Row(
        flows.Sylvester(normal(3, D), normal(3, 3), normal(3, 3, seed=1), normal(3, seed=2))
    ),
    "affine": Row(AFFINE, 20.0),
    "spline": Row(SPLINE, 30.0),
    "coupling": Row(COUPLING),
    "coupling-spline": Row(flows.Coupling({"kernel": normal(33, 2)}, bent, 2), 10.0),
    "autoregressive": Row(IAF, 10.0),
    "inverse": Row(flows.Inverse(IAF), 10.0),
    "permutation": Row(TURNED),
    "linear": Row(LINEAR, 5.0),
    "chain": Row(flows.chain(AFFINE, COUPLING, TURNED, SPLINE, LINEAR), 3.0),
    "chain-forward": Row(flows.chain(PLANAR, AFFINE), 10.0),
}
FORWARD_ALONE = ("planar", "planar-against", "radial", "radial-outward", "sylvester")
FORWARD_ALONE = (*FORWARD_ALONE, "chain-forward")
