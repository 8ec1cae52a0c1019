"""Bodies of encoder and decoder."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from flax import linen as nn

from vae_jax.checks import check_count
from vae_jax.configs.choices.cells import CELLS
from vae_jax.configs.choices.dtypes import DTYPES
from vae_jax.configs.choices.form import Form, times_of
from vae_jax.configs.choices.table import Rows, one_of
from vae_jax.networks import (
    MLP,
    ConvDecoder,
    ConvEncoder,
    GatedMLP,
    Padded,
    RecurrentEncoder,
    ResidualDecoder,
    ResidualEncoder,
    TransformerEncoder,
    batch_norm,
    group_norm,
    one_hot,
)
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

_OTHERWISE = "network='mlp', or, of images, network='conv'"

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
    check_sizes("hidden", hidden)
    how = _layers(activation, norm, dropout, dtype)
    return _reader(form, MLP(hidden, **how)), MLP(hidden[::-1], **how)


def conv(
    form: Form,
    *,
    channels: tuple[int, ...] = (32, 64),
    activation: str = "relu",
    norm: str = "none",
    dropout: float = 0.0,
    dtype: str = "float32",
) -> Bodies:
    """Convolutions, of images and of series; each stage halves them, and the decoder mirrors."""
    size = _positions("conv", form, channels)
    how: dict[str, Any] = {"axes": len(size), "grid": form.grid}
    how |= _layers(activation, norm, dropout, dtype)
    return ConvEncoder(channels, **how), ConvDecoder(size, channels[::-1], **how)


def gated(
    form: Form,
    *,
    hidden: tuple[int, ...] = (512, 512),
    norm: str = "none",
    dropout: float = 0.0,
    dtype: str = "float32",
) -> Bodies:
    """Dense layers with gates in the place of an activation; the decoder mirrors the encoder."""
    check_sizes("hidden", hidden)
    how = _layers("relu", norm, dropout, dtype)
    how.pop("activation")
    return _reader(form, GatedMLP(hidden, **how)), GatedMLP(hidden[::-1], **how)


def residual(
    form: Form,
    *,
    channels: tuple[int, ...] = (32, 64),
    blocks: int = 1,
    attention: tuple[int, ...] = (),
    skips: bool = False,
    activation: str = "relu",
    norm: str = "none",
    dropout: float = 0.0,
    dtype: str = "float32",
) -> Bodies:
    """Convolutions with residual blocks after each halving, mirrored by the decoder."""
    size = _positions("residual", form, channels)
    check_count("blocks", blocks)
    how: dict[str, Any] = {"axes": len(size), "blocks": blocks, "attention": attention}
    how |= {"grid": form.grid}
    how |= _layers(activation, norm, dropout, dtype)
    encoder = ResidualEncoder(channels, **how)
    return encoder, ResidualDecoder(size, channels[::-1], skips=skips, **how)


def recurrent(
    cell: str,
    form: Form,
    *,
    hidden: tuple[int, ...] = (512, 512),
    encoder_layers: int = 1,
    encoder_width: int = 128,
    activation: str = "relu",
    dropout: float = 0.0,
    dtype: str = "float32",
) -> Bodies:
    """Of texts and series: a recurrent cell reads them in both directions; dense layers write."""
    times_of(form, "network", cell, _OTHERWISE)
    check_count("encoder_layers", encoder_layers)
    check_count("encoder_width", encoder_width)
    own = one_of("dtype", DTYPES, dtype)
    reader = RecurrentEncoder(encoder_width, encoder_layers, CELLS[cell], dropout, own)
    return reader, _writer(hidden, activation, dropout, dtype)


def transformer(
    form: Form,
    *,
    hidden: tuple[int, ...] = (512, 512),
    encoder_layers: int = 2,
    encoder_width: int = 128,
    encoder_heads: int = 4,
    activation: str = "relu",
    dropout: float = 0.0,
    dtype: str = "float32",
) -> Bodies:
    """Of texts and series: all places attend to all; dense layers write."""
    T = times_of(form, "network", "transformer", _OTHERWISE)
    check_count("encoder_layers", encoder_layers)
    check_count("encoder_heads", encoder_heads)
    check_count("encoder_width", encoder_width)
    if encoder_width % encoder_heads:
        raise ValueError(
            f"encoder_width must be a multiple of encoder_heads; got {encoder_width} and"
            f" {encoder_heads}."
        )
    own = one_of("dtype", DTYPES, dtype)
    reader = TransformerEncoder(T, encoder_width, encoder_layers, encoder_heads, dropout, own)
    return reader, _writer(hidden, activation, dropout, dtype)


NETWORKS: Rows = {
    "mlp": mlp,
    "conv": conv,
    "gated": gated,
    "residual": residual,
    "gru": partial(recurrent, "gru"),
    "lstm": partial(recurrent, "lstm"),
    "transformer": transformer,
}


def _reader(form: Form, body: nn.Module) -> nn.Module:
    """The encoder of dense layers, which does not read padding."""
    return Padded(body, one_hot(form.shape[0] + 1)) if form.padded else body


def _writer(hidden: tuple[int, ...], activation: str, dropout: float, dtype: str) -> MLP:
    """The decoder of an encoder of sequences."""
    check_sizes("hidden", hidden)
    return MLP(hidden[::-1], **_layers(activation, "none", dropout, dtype))


def _positions(name: str, form: Form, channels: tuple[int, ...]) -> tuple[int, ...]:
    """The size of an example without its channels. ValueError where it has no axis of these."""
    check_sizes("channels", channels)
    if not 2 <= len(form.shape) <= 4:
        raise ValueError(
            f"network={name!r} is for images [H, W, C], series [T, C] and volumes [D, H, W, C], and"
            f" these examples have the shape {list(form.shape)}: choose network='mlp'."
        )
    return form.shape[:-1]


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
