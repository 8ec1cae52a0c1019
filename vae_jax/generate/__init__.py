"""Looking at a model: samples, reconstructions, traversals, interpolations.

Two things may be drawn, or have their means taken: z of q(z|x) (`draw_z`) and x of p(x|z)
(`draw_x`). The mean of p(x|z) is smooth and is not a sample. What has no mean is drawn (a flow
posterior, a Categorical; of a Joint, the parts that have none), and `read` says what.
"""

from vae_jax.generate.by_metric import sample_by_metric
from vae_jax.generate.moves import Path, interpolate, linear, spherical, traverse
from vae_jax.generate.samples import Read, read, reconstruct, sample

__all__ = [
    "Path",
    "Read",
    "interpolate",
    "linear",
    "read",
    "reconstruct",
    "sample",
    "sample_by_metric",
    "spherical",
    "traverse",
]
