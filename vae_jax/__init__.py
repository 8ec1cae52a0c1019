"""Variational autoencoders in JAX: pure functions, exact in nats.

The public names, from the ground up:

  flows           smooth maps of one event, of which distributions are made
  distributions   q(z|x), p(z), p(x|z) of one event, with log-densities in nats
  kl              closed forms of KL(q || p)
  bounds          elbo, sampled_elbo, iwae, miwae, ciwae, log_likelihood: for your own networks
  batched         the same for networks that must see the whole batch
  networks        Flax bodies and heads, and networks of the two
  models          the VAE record: encode, decode and prior as one value; chains of several layers
  objectives      what is descended: weighted sums of terms, importance-weighted bounds
  train           steps, and epochs of steps
  evaluate        bounds, likelihoods and active units of a data set
  generate        samples, reconstructions, traversals, interpolations
  fit             training in one call, resumable
  samplers        priors fitted after training
  configs, runs   experiments by name, and the folders they leave: load_run
  devices         among how many of a machine's devices batches are divided
  data            data sets by name or from files, binarised or dequantised, in memory or streamed
  checkpoint      parameters and states of training on disk
  plots, show     pictures, and how examples are shown

`import vae_jax` loads no library for data, plotting or storage: those load at first use.
"""

from vae_jax import (
    batched,
    bounds,
    checkpoint,
    configs,
    data,
    devices,
    distributions,
    evaluate,
    flows,
    generate,
    models,
    networks,
    objectives,
    plots,
    runs,
    samplers,
    show,
    train,
)
from vae_jax.bounds import (
    ELBO,
    LogLikelihood,
    ciwae,
    ciwae_bound,
    elbo,
    elbo_bound,
    iwae,
    iwae_bound,
    log_likelihood,
    miwae,
    miwae_bound,
    sampled_elbo,
)
from vae_jax.distributions import (
    Autoregressive,
    Bernoulli,
    Beta,
    Categorical,
    ColourLogistics,
    ContinuousBernoulli,
    Delta,
    DiscretisedLogistic,
    Distribution,
    Flowed,
    Foreign,
    FullGaussian,
    Gaussian,
    Joint,
    Laplace,
    Layered,
    LogisticMixture,
    Masked,
    Mixture,
    MixtureOver,
    NegativeBinomial,
    Poisson,
    ZeroInflated,
    standard_gaussian,
)
from vae_jax.divergences import kl, kl_factors, register_kl
from vae_jax.models import VAE, Trace, WithState, chain, vae
from vae_jax.networks import describe
from vae_jax.objectives import (
    Aux,
    Draw,
    Term,
    add,
    capacity,
    distortion,
    free_bits,
    importance_weighted,
    over_batch,
    penalty,
    per_group,
    rate,
    rate_factors,
    sampled_rate,
    weighted_sum,
)
from vae_jax.runs import load_run
from vae_jax.train import (
    Fitted,
    NotFiniteError,
    Player,
    Step,
    TrainState,
    alternate,
    averaged,
    decay_mask,
    descend,
    fit,
    stream_epoch,
    train_epoch,
)

__version__ = "0.1.0"

__all__ = [
    "ELBO",
    "VAE",
    "Autoregressive",
    "Aux",
    "Bernoulli",
    "Beta",
    "Categorical",
    "ColourLogistics",
    "ContinuousBernoulli",
    "Delta",
    "DiscretisedLogistic",
    "Distribution",
    "Draw",
    "Fitted",
    "Flowed",
    "Foreign",
    "FullGaussian",
    "Gaussian",
    "Joint",
    "Laplace",
    "Layered",
    "LogLikelihood",
    "LogisticMixture",
    "Masked",
    "Mixture",
    "MixtureOver",
    "NegativeBinomial",
    "NotFiniteError",
    "Player",
    "Poisson",
    "Step",
    "Term",
    "Trace",
    "TrainState",
    "WithState",
    "ZeroInflated",
    "add",
    "alternate",
    "averaged",
    "batched",
    "bounds",
    "capacity",
    "chain",
    "checkpoint",
    "ciwae",
    "ciwae_bound",
    "configs",
    "data",
    "decay_mask",
    "descend",
    "describe",
    "devices",
    "distortion",
    "distributions",
    "elbo",
    "elbo_bound",
    "evaluate",
    "fit",
    "flows",
    "free_bits",
    "generate",
    "importance_weighted",
    "iwae",
    "iwae_bound",
    "kl",
    "kl_factors",
    "load_run",
    "log_likelihood",
    "miwae",
    "miwae_bound",
    "models",
    "networks",
    "objectives",
    "over_batch",
    "penalty",
    "per_group",
    "plots",
    "rate",
    "rate_factors",
    "register_kl",
    "runs",
    "sampled_elbo",
    "sampled_rate",
    "samplers",
    "show",
    "standard_gaussian",
    "stream_epoch",
    "train",
    "train_epoch",
    "vae",
    "weighted_sum",
]
