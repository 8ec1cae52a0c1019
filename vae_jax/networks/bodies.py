"""Bodies: from an example, or a latent, to features.

Every body is called as `body(x, c=None)` on one example, without a batch axis, where c is a
condition vector [Dc] or None. Dropout is on exactly when `apply` is given an rng named "dropout":
`body.apply(params, x, rngs={"dropout": key})`; without a key the body is a pure function of x.

`dtype` is that of the arithmetic (e.g. `jnp.bfloat16`), None for that of input and parameters;
the parameters are float32 in any case. Sizes are tuples, not lists, so that a module is hashable.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Dtype, Initializer

from vae_jax.networks.init import Activation, default_init
from vae_jax.networks.norms import Norm, normalize
from vae_jax.types import Array, Event


class MLP(nn.Module):
    """A multilayer perceptron: for each width dense -> norm -> activation -> dropout.

    Args:
      widths: the number of units of each layer.
      activation: applied after every layer, the last one too: these are features, not parameters.
      norm: () -> layer, e.g. `nn.LayerNorm`; None for none.
      kernel_init: initializer of the kernels; None for `default_init(activation)`.
      bias_init: initializer of the biases; `spread_bias` where x has few values.
      dropout: probability that a feature is set to 0.
      dtype: of the arithmetic.
    """

    widths: tuple[int, ...]
    activation: Activation = nn.relu
    norm: Norm | None = None
    kernel_init: Initializer | None = None
    bias_init: Initializer = nn.initializers.zeros
    dropout: float = 0.0
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, x: Event, c: Array | None = None) -> Array:
        """Features [widths[-1]] of x (any shape, or a tuple or dict of arrays) and c ([Dc])."""
        kernel_init = self.kernel_init or default_init(self.activation)
        features = flatten(x, c)
        for width in self.widths:
            dense = nn.Dense(
                width, kernel_init=kernel_init, bias_init=self.bias_init, dtype=self.dtype
            )
            features = dense(features)
            features = drop(self, self.activation(normalize(features, self.norm)))
        return features


def drop(body: Any, features: Array) -> Array:
    """Set features to 0 with probability `body.dropout`, if there is an rng "dropout"."""
    return nn.Dropout(body.dropout, deterministic=not body.has_rng("dropout"))(features)


def flatten(x: Event, c: Array | None) -> Array:
    """All values of x, then those of c, as one vector.

    Raises:
      ValueError: if c is not a vector.
    """
    check_condition(c)
    return jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves((x, c))])


def check_condition(c: Array | None) -> None:
    """Raise ValueError unless the condition c is a vector, or None."""
    if c is not None and jnp.ndim(c) != 1:
        raise ValueError(
            f"A body takes a condition vector [Dc] and was given c of shape {jnp.shape(c)}. Turn it"
            " into a vector first, e.g. a class label with Network(body, head, embed=one_hot(10));"
            " a row of a one-hot matrix is one already, embed=lambda c: c; map over a batch with"
            " jax.vmap."
        )
