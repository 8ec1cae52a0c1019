"""How the weights of a layer are drawn, given the activation that follows it."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Initializer

from vae_jax.types import Array, Key

Activation = Callable[[Array], Array]

_GLOROT = nn.initializers.glorot_uniform()
_OTHER_THAN_HE: dict[Callable[..., Array], Initializer] = {
    jnp.tanh: _GLOROT,
    jax.lax.tanh: _GLOROT,
    nn.sigmoid: _GLOROT,
    nn.soft_sign: _GLOROT,
    nn.hard_tanh: _GLOROT,
    nn.hard_sigmoid: _GLOROT,
    nn.selu: nn.initializers.lecun_normal(),
}


def default_init(activation: Activation) -> Initializer:
    """The usual initializer of a kernel whose output goes through `activation`.

        He normal        variance 2 / fan_in               relu and its kind; any other function
        Glorot uniform   |w| <= sqrt(6 / (fan_in + fan_out))    tanh, sigmoid, their hard forms
        LeCun normal     variance 1 / fan_in               selu, whose fixed point asks for it

    He's 2 makes up for the half of its input that relu sets to zero. leaky_relu, elu, gelu, silu
    and softplus resemble relu closely enough for it; so does, we assume, a function not in the
    table (give the body a `kernel_init` where it does not).

    Args:
      activation: a function of an array.

    Returns:
      (key, shape, dtype) -> the kernel, drawn from a normal truncated at two standard deviations
      (and rescaled to the variance above) or from a uniform.

    Reference: He et al. 2015, arXiv 1502.01852, eq. 10; Glorot & Bengio 2010, eq. 16;
    Klambauer et al. 2017, arXiv 1706.02515.
    """
    return _OTHER_THAN_HE.get(activation, nn.initializers.he_normal())


def spread_bias(key: Key, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
    """Biases of hidden layers that are told few values, as in a flow: uniform in (-1, 1).

    With biases of 0 all units of relu turn at the same place, where their input is 0, and a network
    of one value begins with no more than two slopes.
    """
    return jax.random.uniform(key, shape, dtype, -1.0, 1.0)


def where_made(module: nn.Module, init: Initializer) -> Initializer:
    """The initializer where parameters are made, and zeros where they are there: flax asks it again
    then, for their shapes alone, and one that reads data would read them."""
    return init if module.is_mutable_collection("params") else nn.initializers.zeros
