"""One row for each kind of model, for the battery that goes through them all."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from bodies import Normalised, Up
from flax import linen as nn

from vae_jax import (
    VAE,
    Gaussian,
    Joint,
    Term,
    chain,
    distortion,
    rate,
    sampled_rate,
    standard_gaussian,
    vae,
)
from vae_jax.distributions import (
    RelaxedOneHot,
    UniformCodes,
    UniformSphere,
    VonMisesFisher,
    WrappedNormal,
    uniform_one_hot,
)
from vae_jax.models import (
    Rung,
    ladder,
    relaxed,
    with_codebook,
    with_fsq,
    with_hamiltonian,
    with_optimal_scale,
    with_prior,
    with_residual_codes,
    with_riemannian_hamiltonian,
    with_vamp_prior,
)
from vae_jax.networks import (
    MLP,
    AutoregressiveHead,
    BernoulliHead,
    DeltaHead,
    FixedScale,
    FlowHead,
    FlowPrior,
    GaussianHead,
    MetricHead,
    Network,
    OneHotHead,
    VonMisesFisherHead,
    WaveNet,
    WrappedNormalHead,
    iaf,
    one_hot,
    planar,
    real_nvp,
    whitening,
)
from vae_jax.objectives import commitment

N, SIZE = 12, 5
X = (np.random.default_rng(0).random((N, SIZE)) < 0.4).astype(np.float32)
C = (np.arange(N) % 3).astype(np.int32)
DISTORTION, RATE = Term("distortion", distortion), Term("rate", rate)
SAMPLED = Term("rate", sampled_rate)


class Row(NamedTuple):
    """A model, what it descends, how its rate is had (None: there is no bound); the same with
    another prior; and whether log q is known of every z, or of draws alone."""

    model: VAE
    terms: tuple[Term, ...]
    rate: Any
    other: VAE
    conditional: bool = False
    any_z: bool = True


class OfCondition(nn.Module):
    """p(z|c), a Gaussian."""

    body: nn.Module

    @nn.compact
    def __call__(self, c=None):
        return GaussianHead((2,))(self.body(one_hot(3)(c)))


def gaussian(size, embed=None):
    return Network(MLP((6,)), GaussianHead((size,)), embed)


def pixels(embed=None):
    return Network(MLP((6,)), BernoulliHead((SIZE,)), embed)


def column(x):
    """A series of one channel."""
    return x[:, None]


def far(*shape):
    """A prior that no model has."""
    return Gaussian(jnp.full(shape, 9.0), jnp.zeros(()))


def larger(model, double):
    """Of codes: as if there were twice as many."""

    def prior(params, c=None, key=None):
        own = model.prior(params, c)
        return UniformCodes(own.codes.replace(**double(own.codes)), own.shape)

    return model._replace(prior=prior)


def of_tables(codes):
    return {"codes": jnp.concatenate([codes.codes, codes.codes], axis=1)}


def of_levels(codes):
    return {"levels": (*codes.levels[:-1], 2 * codes.levels[-1])}


def row(model, terms, rate, prior, **said):
    return Row(model, tuple(terms), rate, with_prior(model, prior), **said)


NUMBERS = GaussianHead((SIZE,), FixedScale())
PLAIN = vae(gaussian(2), pixels(), standard_gaussian(2))
LEARNED = vae(gaussian(2, one_hot(3)), pixels(one_hot(3)), OfCondition(MLP((4,))))
NORMALISED = with_prior(LEARNED, OfCondition(Normalised(4)))
CHAIN = chain([gaussian(3), gaussian(2)], [pixels(), gaussian(3)], standard_gaussian(2))
LADDER = ladder(
    Up(), [Rung(gaussian(n), gaussian(n), MLP((4,))) for n in (2, 3)], pixels(), width=4
)
VAMP = with_vamp_prior(PLAIN, lambda key, x: jax.random.uniform(key, (3, *x.shape)))
PLANAR = vae(
    Network(MLP((6,)), FlowHead(GaussianHead((2,)), planar(2, 2))), pixels(), standard_gaussian(2)
)
IAF = with_prior(
    vae(
        Network(MLP((6,)), FlowHead(GaussianHead((2,)), iaf(2, 2, (4,)), nn.Dense(3))),
        Network(MLP((6,)), FlowHead(NUMBERS, real_nvp(SIZE, 2, (4,)))),
        standard_gaussian(2),
    ),
    FlowPrior(2, real_nvp(2, 2, (4,))),
)
POINT = vae(Network(MLP((6,)), DeltaHead((2,))), pixels(), standard_gaussian(2))
CODES = with_codebook(
    vae(
        Network(Normalised(), DeltaHead((2, 2))),
        Network(Normalised(), BernoulliHead((SIZE,))),
        standard_gaussian(2, 2),
    ),
    num_codes=4,
)
RESIDUAL = with_residual_codes(
    vae(Network(MLP((6,)), DeltaHead((2, 2))), pixels(), standard_gaussian(2, 2)),
    num_codes=4,
    depth=2,
    dropout=0.5,
    restart=0.05,
)
LEVELS = with_fsq(
    vae(
        Network(MLP((6,)), DeltaHead((3, 2), norm=whitening())),
        pixels(),
        standard_gaussian(3, 2),
    ),
    (3, 4),
)
COMMITMENT = Term("commitment", commitment, 0.25)
SERIES = vae(
    gaussian(2),
    Network(MLP((6,)), AutoregressiveHead(WaveNet((1, 2), 4), NUMBERS, column)),
    standard_gaussian(2),
)
CLASSES = relaxed(
    vae(Network(MLP((6,)), OneHotHead((2,), 3)), pixels(), uniform_one_hot(2, 3)),
    optax.exponential_decay(1.0, 100, 0.5),
)
CORNER = RelaxedOneHot(jnp.tile(jnp.array([9.0, 0.0, -9.0]), (2, 1)), jnp.zeros(()))
SPHERE = vae(Network(MLP((6,)), VonMisesFisherHead(4)), pixels(), UniformSphere(4))
POLE = VonMisesFisher(jnp.ones(4), jnp.array(4.0))
MOVED = with_hamiltonian(PLAIN, 2)
IN_METRIC = with_riemannian_hamiltonian(
    PLAIN, 2, Network(MLP((4,)), MetricHead(2)), lambda key, x: jnp.asarray(X[:4])
)
AWAY = Joint({"latent": far(2), "momentum": standard_gaussian(2)})
CENTRE = WrappedNormal(jnp.zeros(2), jnp.zeros(2))
BALL = vae(Network(MLP((6,)), WrappedNormalHead(2)), pixels(), CENTRE)
RIM = WrappedNormal(jnp.full(2, 3.0), jnp.full(2, -1.0))
BOTH = Joint({"z1": far(3), "z2": far(2)})
OPTIMAL = with_optimal_scale(vae(gaussian(2), Network(MLP((6,)), NUMBERS), standard_gaussian(2)))
EVERY = {
    "plain": row(PLAIN, [DISTORTION, RATE], rate, far(2)),
    "learned prior": row(LEARNED, [DISTORTION, RATE], rate, far(2), conditional=True),
    "prior with BatchNorm": row(NORMALISED, [DISTORTION, RATE], rate, far(2), conditional=True),
    "chain": row(CHAIN, [DISTORTION, SAMPLED], sampled_rate, BOTH),
    "ladder": row(LADDER, [DISTORTION, RATE], rate, BOTH),
    "vamp prior": row(VAMP, [DISTORTION, SAMPLED], sampled_rate, far(2)),
    "planar": row(PLANAR, [DISTORTION, SAMPLED], sampled_rate, far(2), any_z=False),
    "flows everywhere": row(IAF, [DISTORTION, SAMPLED], sampled_rate, far(2)),
    "point": row(POINT, [DISTORTION, SAMPLED], None, far(2)),
    "autoregressive": row(SERIES, [DISTORTION, RATE], rate, far(2)),
    "relaxed classes": row(CLASSES, [DISTORTION, SAMPLED], sampled_rate, CORNER),
    "sphere": row(SPHERE, [DISTORTION, RATE], rate, POLE),
    "hamiltonian": row(MOVED, [DISTORTION, SAMPLED], sampled_rate, AWAY),
    "ball": row(BALL, [DISTORTION, SAMPLED], sampled_rate, RIM),
    "optimal scale": row(OPTIMAL, [DISTORTION, RATE], rate, far(2)),
    "in a metric": row(IN_METRIC, [DISTORTION, SAMPLED], sampled_rate, AWAY, any_z=False),
    "residual codes": Row(
        RESIDUAL, (DISTORTION, RATE, COMMITMENT), rate, larger(RESIDUAL, of_tables)
    ),
    "codebook": Row(CODES, (DISTORTION, RATE, COMMITMENT), rate, larger(CODES, of_tables)),
    "levels of whitened features": Row(LEVELS, (DISTORTION, RATE), rate, larger(LEVELS, of_levels)),
}
