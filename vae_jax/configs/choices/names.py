"""The names of each table, as the kinds of the options that take one."""

from typing import TYPE_CHECKING, Literal, TypeAlias

from vae_jax.configs.choices.codes import REDUCTIONS, STARTS, UPDATES
from vae_jax.configs.choices.decoders import DECODERS
from vae_jax.configs.choices.dtypes import DTYPES
from vae_jax.configs.choices.likelihoods import BOUNDS, LIKELIHOODS
from vae_jax.configs.choices.networks import ACTIVATIONS, NETWORKS, NORMS
from vae_jax.configs.choices.objectives import GRADIENTS, GROUPS, OBJECTIVES
from vae_jax.configs.choices.optimizers import OPTIMIZERS
from vae_jax.configs.choices.posteriors import POSTERIORS
from vae_jax.configs.choices.priors import PRIORS, PSEUDO_STARTS
from vae_jax.configs.choices.rises import RISES
from vae_jax.configs.choices.scales import SCALES
from vae_jax.configs.choices.steps import STEPS

if TYPE_CHECKING:
    Objective: TypeAlias = str
    Gradient: TypeAlias = str
    Rise: TypeAlias = str
    Group: TypeAlias = str
    Likelihood: TypeAlias = str
    Scale: TypeAlias = str
    MeanBound: TypeAlias = str
    Network: TypeAlias = str
    Activation: TypeAlias = str
    Norm: TypeAlias = str
    Dtype: TypeAlias = str
    Decoder: TypeAlias = str
    Posterior: TypeAlias = str
    Updates: TypeAlias = str
    Start: TypeAlias = str
    Reduction: TypeAlias = str
    Prior: TypeAlias = str
    PseudoStart: TypeAlias = str
    Optimizer: TypeAlias = str
    Step: TypeAlias = str
else:  # a command line lists the rows of each table
    Objective, Gradient, Rise = (Literal[tuple(t)] for t in (OBJECTIVES, GRADIENTS, RISES))
    Group = Literal[tuple(GROUPS)]
    Likelihood, Scale, MeanBound = (Literal[tuple(t)] for t in (LIKELIHOODS, SCALES, BOUNDS))
    Network, Activation, Norm = (Literal[tuple(t)] for t in (NETWORKS, ACTIVATIONS, NORMS))
    Dtype = Literal[tuple(DTYPES)]
    Decoder = Literal[tuple(DECODERS)]
    Posterior, Prior = (Literal[tuple(t)] for t in (POSTERIORS, PRIORS))
    PseudoStart = Literal[tuple(PSEUDO_STARTS)]
    Updates, Start, Reduction = (Literal[tuple(t)] for t in (UPDATES, STARTS, REDUCTIONS))
    Optimizer, Step = (Literal[tuple(t)] for t in (OPTIMIZERS, STEPS))
