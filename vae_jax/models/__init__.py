"""Models: which q(z|x), p(z) and p(x|z), as records of pure functions of one example.

vae      a VAE of two Flax modules and a prior
chain    a VAE of several stochastic layers, inferred from the bottom up
trace    one pass through any of them: what was drawn, and from what
"""

from vae_jax.models.hierarchies import chain
from vae_jax.models.vae import VAE, Trace, learned, log_posterior, log_prior, trace, vae

__all__ = ["VAE", "Trace", "chain", "learned", "log_posterior", "log_prior", "trace", "vae"]
