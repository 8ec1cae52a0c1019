"""q(z|x), p(z), p(x|z): one event each, log-densities in nats."""

from vae_jax.distributions.autoregressive import Autoregressive, Steps
from vae_jax.distributions.base import Distribution
from vae_jax.distributions.bernoulli import Bernoulli
from vae_jax.distributions.beta import Beta
from vae_jax.distributions.categorical import Categorical
from vae_jax.distributions.coded import Coded
from vae_jax.distributions.codes import CodeTable, ResidualCodes
from vae_jax.distributions.colours import ColourLogistics
from vae_jax.distributions.continuous_bernoulli import ContinuousBernoulli
from vae_jax.distributions.counts import NegativeBinomial, Poisson, ZeroInflated
from vae_jax.distributions.delta import Delta
from vae_jax.distributions.exemplars import Exemplars
from vae_jax.distributions.flowed import Flowed
from vae_jax.distributions.foreign import Foreign
from vae_jax.distributions.full_gaussian import FullGaussian
from vae_jax.distributions.gaussian import Gaussian, standard_gaussian
from vae_jax.distributions.hamiltonian import Hamiltonian
from vae_jax.distributions.joint import Joint
from vae_jax.distributions.laplace import Laplace
from vae_jax.distributions.lattice import Lattice
from vae_jax.distributions.layered import Layered
from vae_jax.distributions.logistic import DiscretisedLogistic, LogisticMixture
from vae_jax.distributions.masked import Masked
from vae_jax.distributions.mixture import Mixture
from vae_jax.distributions.mixture_over import MixtureOver
from vae_jax.distributions.one_hot import OneHot, StraightThroughOneHot, uniform_one_hot
from vae_jax.distributions.power_spherical import PowerSpherical
from vae_jax.distributions.precision_gaussian import PrecisionGaussian
from vae_jax.distributions.quantised import Quantised, UniformCodes
from vae_jax.distributions.relaxed_one_hot import RelaxedOneHot
from vae_jax.distributions.riemannian_hamiltonian import RiemannianHamiltonian
from vae_jax.distributions.riemannian_normal import RiemannianNormal
from vae_jax.distributions.sphere import UniformSphere
from vae_jax.distributions.states import states
from vae_jax.distributions.von_mises_fisher import VonMisesFisher
from vae_jax.distributions.wrapped_normal import WrappedNormal

__all__ = [
    "Autoregressive",
    "Bernoulli",
    "Beta",
    "Categorical",
    "CodeTable",
    "Coded",
    "ColourLogistics",
    "ContinuousBernoulli",
    "Delta",
    "DiscretisedLogistic",
    "Distribution",
    "Exemplars",
    "Flowed",
    "Foreign",
    "FullGaussian",
    "Gaussian",
    "Hamiltonian",
    "Joint",
    "Laplace",
    "Lattice",
    "Layered",
    "LogisticMixture",
    "Masked",
    "Mixture",
    "MixtureOver",
    "NegativeBinomial",
    "OneHot",
    "Poisson",
    "PowerSpherical",
    "PrecisionGaussian",
    "Quantised",
    "RelaxedOneHot",
    "ResidualCodes",
    "RiemannianHamiltonian",
    "RiemannianNormal",
    "Steps",
    "StraightThroughOneHot",
    "UniformCodes",
    "UniformSphere",
    "VonMisesFisher",
    "WrappedNormal",
    "ZeroInflated",
    "standard_gaussian",
    "states",
    "uniform_one_hot",
]
