"""One row for each distribution, for the batteries that go through them all."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as numpyro
import pytest

from vae_jax import flows
from vae_jax.distributions import (
    Autoregressive,
    Bernoulli,
    Beta,
    Categorical,
    Coded,
    CodeTable,
    ColourLogistics,
    ContinuousBernoulli,
    Delta,
    DiscretisedLogistic,
    Exemplars,
    Flowed,
    Foreign,
    FullGaussian,
    Gaussian,
    Joint,
    Laplace,
    Lattice,
    Layered,
    LogisticMixture,
    Masked,
    Mixture,
    MixtureOver,
    NegativeBinomial,
    OneHot,
    Poisson,
    PowerSpherical,
    Quantised,
    RelaxedOneHot,
    ResidualCodes,
    RiemannianNormal,
    Steps,
    StraightThroughOneHot,
    UniformCodes,
    UniformSphere,
    VonMisesFisher,
    WrappedNormal,
    ZeroInflated,
    standard_gaussian,
)


def draw(distribution, key):
    return distribution.sample(key)


def normal(*shape, seed=0):
    return jnp.array(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def gaussian(*shape):
    return Gaussian(normal(*shape), normal(*shape, seed=1))


def gaussians(*shape):
    return jax.vmap(Gaussian)(normal(*shape), normal(*shape, seed=1))


def joint(a):
    return Joint({"z": (Gaussian(a, a / 2), Bernoulli(a)), "label": Categorical(a)})


def joint_mask(size):
    """One mask for z, both its parts, and one for the label."""
    return {"z": jnp.arange(size) > 0, "label": jnp.array(False)}


mixtures = jax.vmap(Mixture)(normal(2, 3), jax.vmap(jax.vmap(Gaussian))(*normal(2, 2, 3, 2)))


def downward(given, draw):
    """Means affine in the latent before: the mean of a walk is the mean."""
    top = draw("top", Gaussian(given["loc"], jnp.array(-0.5)))
    draw("below", Gaussian(given["kernel"] @ top, given["log_scale"]))


LAYERED = {"loc": normal(2), "kernel": normal(3, 2), "log_scale": normal(3) / 4}


def around(log_scale, loc):
    """A component of an entry of its own and of what all share."""
    return Gaussian(loc, log_scale)


def moved(weights, kept):
    """Of the last two by the first."""
    hidden = jnp.tanh(weights["kernel"] @ kept + weights["bias"])
    return flows.Affine(hidden[:2], hidden[2:])


def told(weights, x):
    """Of each binary variable, in C order, by those before it."""
    logits = jnp.tril(weights["kernel"], -1) @ jnp.ravel(x) + weights["bias"]
    return Bernoulli(logits.reshape(x.shape))


def drift(kernel, x):
    """Of each row of real numbers by the row before."""
    before = jnp.concatenate([jnp.zeros((1, x.shape[1])), x[:-1]])
    return Gaussian(before @ kernel + 1, jnp.array(-0.5))


def drift_on(kernel, carried, x, place):
    """One row of it; carried is how many rows there are."""
    before = jnp.where(place > 0, x[place - 1], 0.0)
    loc = jnp.zeros(x.shape).at[place].set(before @ kernel + 1)
    return carried + 1, Gaussian(loc, jnp.array(-0.5))


TABLE = CodeTable(normal(2, 4, 3, seed=1))  # two groups
STAGES = ResidualCodes(normal(2, 4, 3, seed=1))
FEWER = STAGES.replace(used=jnp.array(1))
LATTICE = Lattice(-jnp.ones(3), jnp.array([1.0, 0.7, 0.5]), (3, 4, 5))
CHAIN = Autoregressive({"kernel": normal(4, 4) / 2, "bias": normal(4, seed=1)}, told, (2, 2))
STEPS = Steps(lambda kernel: 0, drift_on)
DRIFT = Autoregressive(normal(2, 2) / 2, drift, (3, 2), axes=1, steps=STEPS)

PLANAR = flows.Planar(normal(2), normal(2, seed=1), jnp.array(0.3))
COUPLING = flows.Coupling({"kernel": normal(4, 1), "bias": normal(4)}, moved, 1)

# (name, distribution, whether it is reparameterized)
EVERY = [
    ("gaussian", gaussian(3, 2), True),
    ("gaussian-scalar", gaussian(), True),
    ("gaussian-shared-scale", Gaussian(normal(3), jnp.array(0.3)), True),
    ("gaussian-empty", standard_gaussian(0), True),
    ("full-gaussian", FullGaussian(normal(3), normal(3, seed=1), normal(3, 3)), True),
    ("laplace", Laplace(normal(3, 2), normal(3, 2, seed=1)), True),
    ("bernoulli", Bernoulli(normal(2, 3)), False),
    ("continuous-bernoulli", ContinuousBernoulli(3 * normal(2, 3)), False),
    ("beta", Beta(normal(2, 3), normal(2, 3, seed=1)), False),
    ("categorical", Categorical(normal(2, 4)), False),
    ("logistic", DiscretisedLogistic(normal(2, 3) / 2, normal(2, 3, seed=1) - 1, 8), False),
    ("logistic-mixture", LogisticMixture(normal(2, 4), *(normal(2, 2, 4) / 2), 8), False),
    ("colours", ColourLogistics(normal(2, 4), *(normal(3, 2, 3, 4) / 2), 8), False),
    ("poisson", Poisson(normal(2, 3)), False),
    ("negative-binomial", NegativeBinomial(normal(2, 3), normal(2, 3, seed=1)), False),
    ("zinb", ZeroInflated(NegativeBinomial(normal(3), normal(3, seed=1)), normal(3)), False),
    ("delta", Delta(normal(3)), True),
    ("mixture-gaussian", Mixture(normal(3), gaussians(3, 2)), False),
    ("mixture-bernoulli", Mixture(normal(3), jax.vmap(Bernoulli)(normal(3, 2))), False),
    ("mixture-joint", Mixture(normal(2), jax.vmap(joint)(normal(2, 3))), False),
    ("mixture-mixture", Mixture(normal(2), mixtures), False),
    ("joint-tuple", Joint((gaussian(3), Delta(normal(2)))), True),
    ("joint-dict", joint(normal(3)), False),
    ("foreign-lognormal", Foreign(numpyro.LogNormal(normal(3), jnp.ones(3)), draw, True), True),
    ("foreign-mvn", Foreign(numpyro.MultivariateNormal(normal(2), jnp.eye(2)), draw, True), True),
    ("layered", Layered(LAYERED, downward), True),
    ("mixture-over", MixtureOver(normal(3), normal(3, 2), jnp.array(-0.3), around), False),
    ("exemplars", Exemplars(normal(4, 2), jnp.array(-0.3)), False),
    ("exemplars-nearest", Exemplars(normal(4, 2), jnp.array(-0.3), 2), False),
    ("masked", Masked(gaussian(3, 2), jnp.array([True, False, True])), True),
    ("masked-joint", Masked(joint(normal(3)), joint_mask(3)), False),
    ("planar", Flowed(gaussian(2), PLANAR), True),
    ("flowed", Flowed(gaussian(3), COUPLING), True),
    ("autoregressive", CHAIN, False),
    ("autoregressive-gaussian", DRIFT, True),
    ("quantised", Quantised(normal(2, 6), TABLE), True),
    ("quantised-in-stages", Quantised(normal(2, 3), STAGES), True),
    ("quantised-in-fewer", Quantised(normal(2, 3), FEWER), True),
    ("quantised-lattice", Quantised(normal(2, 3), LATTICE), True),
    ("coded", Coded(Categorical(normal(4, 4)), TABLE, (2, 6)), False),
    ("uniform-codes", UniformCodes(TABLE, (2, 6)), False),
    ("uniform-in-stages", UniformCodes(STAGES, (2, 2, 3)), False),
    ("uniform-lattice", UniformCodes(LATTICE, (2, 3)), False),
    ("one-hot", OneHot(normal(2, 4)), False),
    ("straight-through", StraightThroughOneHot(normal(2, 4), jnp.array(-0.5)), True),
    ("von-mises-fisher", VonMisesFisher(normal(3), jnp.array(0.7)), True),
    ("power-spherical", PowerSpherical(normal(4), jnp.array(0.7)), True),
    ("wrapped-normal", WrappedNormal(normal(3) / 2, normal(3, seed=1) / 4 - 1), True),
    ("riemannian-normal", RiemannianNormal(normal(3) / 2, jnp.array(-1.0)), True),
    ("uniform-sphere", UniformSphere(4), False),
    ("relaxed-one-hot", RelaxedOneHot(normal(2, 4), jnp.array(-0.5)), True),
]
NO_PARAMETERS = ("uniform-sphere",)
NO_LOG_PROB = ("planar",)  # but of its draws
OF_CODES = [name for name, _, _ in EVERY if name.startswith(("quantised", "coded", "uniform"))]
AT_POINTS = ("delta", "joint-tuple", *OF_CODES)  # densities without a difference


def rows(*but):
    """A parameter "q" of every row, but for those named."""
    params = [pytest.param(q, id=name) for name, q, _ in EVERY if name not in but]
    return pytest.mark.parametrize("q", params)


every = rows()
