"""Dense layers with gates."""

from typing import Any

import jax
from flax import linen as nn
from flax.typing import Dtype, Initializer

from vae_jax.networks.bodies import drop, flatten
from vae_jax.networks.norms import Norm, normalize
from vae_jax.types import Array, Event


class GatedMLP(nn.Module):
    """A multilayer perceptron of gated layers, as in the VampPrior's code.

        h -> sigmoid(V h + c) * (W h + b)

    The gate is the nonlinearity: there is no other activation. Norm comes after it.

    Args:
      widths: the number of units of each layer.
      norm, dropout, dtype: as in `MLP`.
      kernel_init: initializer of both kernels; None for Glorot uniform, as of a sigmoid.

    Reference: Dauphin et al. 2017, arXiv 1612.08083, eq. 1; Tomczak & Welling 2018,
    arXiv 1705.07120, whose experiments use it.
    """

    widths: tuple[int, ...]
    norm: Norm | None = None
    kernel_init: Initializer | None = None
    dropout: float = 0.0
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, x: Event, c: Array | None = None) -> Array:
        """Features [widths[-1]] of x (any shape, or a tuple or dict of arrays) and c ([Dc])."""
        how: dict[str, Any] = {
            "kernel_init": self.kernel_init or nn.initializers.glorot_uniform(),
            "dtype": self.dtype,
        }
        features = flatten(x, c)
        for number, width in enumerate(self.widths):
            gate = nn.Dense(width, name=f"gate_{number}", **how)(features)
            value = nn.Dense(width, name=f"value_{number}", **how)(features)
            features = drop(self, normalize(jax.nn.sigmoid(gate) * value, self.norm))
        return features
