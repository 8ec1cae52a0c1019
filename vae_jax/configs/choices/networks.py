"""Bodies of encoder and decoder."""

from collections.abc import Callable
from typing import Any

import jax
from flax import linen as nn

from vae_jax.checks import check_count
from vae_jax.configs.choices.dtypes import DTYPES
from vae_jax.configs.choices.form import Form
from vae_jax.configs.choices.table import Rows, one_of
from vae_jax.networks import MLP, ConvDecoder, ConvEncoder, batch_norm, group_norm
from vae_jax.networks.norms import Norm

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "relu": nn.relu,
    "tanh": nn.tanh,
    "gelu": nn.gelu,
    "silu": nn.silu,
    "elu": nn.elu,
    "leaky_relu": nn.leaky_relu,
}
NORMS: dict[str, Norm | None] = {
    "none": None,
    "layer": nn.LayerNorm,
    "group": group_norm(1),
    "batch": batch_norm(),
}

Bodies = tuple[nn.Module, nn.Module]


def mlp(
    form: Form,
    *,
    hidden: tuple[int, ...] = (512, 512),
    activation: str = "relu",
    norm: str = "none",
    dropout: float = 0.0,
    dtype: str = "float32",
) -> Bodies:
    """Dense layers, of all values of an example side by side; the decoder mirrors the encoder."""
    del form
    check_sizes("hidden", hidden)
    how = _layers(activation, norm, dropout, dtype)
    return MLP(hidden, **how), MLP(hidden[::-1], **how)


def conv(
    form: Form,
    *,
    channels: tuple[int, ...] = (32, 64),
    activation: str = "relu",
    norm: str = "none",
    dropout: float = 0.0,
    dtype: str = "float32",
) -> Bodies:
    """Convolutions, of images; each stage halves the image, and the decoder mirrors them."""
    check_sizes("channels", channels)
    if len(form.shape) != 3:
        raise ValueError(
            f"network='conv' is for images [H, W, C], and these examples have the shape"
            f" {list(form.shape)}: choose network='mlp'."
        )
    how = _layers(activation, norm, dropout, dtype)
    return ConvEncoder(channels, **how), ConvDecoder(form.shape[:2], channels[::-1], **how)


NETWORKS: Rows = {"mlp": mlp, "conv": conv}


def check_sizes(name: str, sizes: tuple[int, ...]) -> None:
    """ValueError unless there is a layer, and each has units."""
    if not sizes or min(sizes) < 1:
        raise ValueError(f"{name} must be one size or more, each at least 1; got {sizes}.")
    check_count(f"The largest of {name}", max(sizes))


def _layers(activation: str, norm: str, dropout: float, dtype: str) -> dict[str, Any]:
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must be in [0, 1); got {dropout}.")
    return {
        "activation": one_of("activation", ACTIVATIONS, activation),
        "norm": one_of("norm", NORMS, norm),
        "dropout": dropout,
        "dtype": one_of("dtype", DTYPES, dtype),
    }
