"""q(z|x), p(z), p(x|z): one event each, log-densities in nats."""

from vae_jax.distributions.autoregressive import Autoregressive, Steps
from vae_jax.distributions.base import Distribution
from vae_jax.distributions.bernoulli import Bernoulli
from vae_jax.distributions.categorical import Categorical
from vae_jax.distributions.counts import Poisson
from vae_jax.distributions.delta import Delta
from vae_jax.distributions.foreign import Foreign
from vae_jax.distributions.gaussian import Gaussian, standard_gaussian
from vae_jax.distributions.joint import Joint
from vae_jax.distributions.layered import Layered
from vae_jax.distributions.masked import Masked
from vae_jax.distributions.mixture import Mixture
from vae_jax.distributions.mixture_over import MixtureOver
from vae_jax.distributions.quantised import Quantised, UniformCodes

__all__ = [
    "Autoregressive",
    "Bernoulli",
    "Categorical",
    "Delta",
    "Distribution",
    "Foreign",
    "Gaussian",
    "Joint",
    "Layered",
    "Masked",
    "Mixture",
    "MixtureOver",
    "Poisson",
    "Quantised",
    "Steps",
    "UniformCodes",
    "standard_gaussian",
]
