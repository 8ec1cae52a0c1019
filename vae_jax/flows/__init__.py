"""Flows: smooth maps of one event, one to one, with their log-determinants in nats.

Planar, Radial, Sylvester        steps whose inverse is not known: for posteriors
Affine, Spline                   of each value by itself
Coupling, AutoregressiveFlow     of some values told by others, through a network
Permutation, Linear              of all values
chain, Inverse                   flows made of flows

`distributions.Flowed` is what a flow makes of a distribution; networks make flows of features.
"""

from vae_jax.flows.affine import Affine
from vae_jax.flows.autoregressive import AutoregressiveFlow
from vae_jax.flows.base import Flow
from vae_jax.flows.compose import Chain, Inverse, chain
from vae_jax.flows.coupling import Coupling
from vae_jax.flows.linear import Linear, Permutation
from vae_jax.flows.planar import Planar
from vae_jax.flows.radial import Radial
from vae_jax.flows.spline import Spline
from vae_jax.flows.sylvester import Sylvester

__all__ = [
    "Affine",
    "AutoregressiveFlow",
    "Chain",
    "Coupling",
    "Flow",
    "Inverse",
    "Linear",
    "Permutation",
    "Planar",
    "Radial",
    "Spline",
    "Sylvester",
    "chain",
]
