"""The front door: bounds on log p(x) for anyone's encoder and decoder.

Every function takes **one example**; for a batch, map it:

    values = jax.vmap(lambda key, x: elbo(key, x, encode, decode, prior).value)(keys, xs)

`encode`: x -> q(z|x) and `decode`: z -> p(x|z) are closures over parameters, `prior` is p(z).
With K draws z_k ~ q(z|x) and log w_k = log p(x|z_k) + log p(z_k) - log q(z_k|x), in nats:

    ELBO   = E[log w] = -distortion - rate  <=  IWAE_K = E[log mean_k w_k]  <=  log p(x)
    distortion = -E_q log p(x|z),   rate = KL(q(z|x) || p(z))

What is wrong in shape or kind is refused while tracing; what is wrong in value (NaN, grey levels
under a Bernoulli) cannot be under `jit`: see `Distribution.in_support`.

Networks that must see the whole batch (BatchNorm) are for `vae_jax.batched`: under `vmap` a
BatchNorm of feature vectors normalises each example by itself, to nothing, and the posterior no
longer depends on x.
"""

from vae_jax.bounds.elbo import ELBO, elbo, sampled_elbo
from vae_jax.bounds.functionals import Bound, ciwae_bound, elbo_bound, iwae_bound, miwae_bound
from vae_jax.bounds.importance import ciwae, iwae, miwae
from vae_jax.bounds.likelihood import LogLikelihood, log_likelihood

__all__ = [
    "ELBO",
    "Bound",
    "LogLikelihood",
    "ciwae",
    "ciwae_bound",
    "elbo",
    "elbo_bound",
    "iwae",
    "iwae_bound",
    "log_likelihood",
    "miwae",
    "miwae_bound",
    "sampled_elbo",
]
