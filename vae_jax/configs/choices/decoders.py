"""Whether the values of an example are drawn by themselves given z, one after the other, or all
together."""

from collections.abc import Callable
from functools import partial

from flax import linen as nn

from vae_jax.checks import check_count
from vae_jax.configs.choices.cells import CELLS
from vae_jax.configs.choices.dtypes import DTYPES
from vae_jax.configs.choices.form import Form, times_of
from vae_jax.configs.choices.table import Rows, one_of
from vae_jax.networks import (
    AutoregressiveHead,
    CausalRecurrent,
    CausalTransformer,
    ColourLogisticsHead,
    FlowHead,
    FullGaussianHead,
    GatedPixelCNN,
    GaussianHead,
    LaplaceHead,
    WaveNet,
    dilations_of,
    maf,
)
from vae_jax.types import Event

_OTHERWISE = "decoder='independent', or, of images, decoder='pixelcnn'"

Read = Callable[[Event], Event] | None


def independent(
    form: Form, head: nn.Module, read: Read, *, dropout: float = 0.0, dtype: str = "float32"
) -> nn.Module:
    """Each value by itself, given z; the head has its type of arithmetic, the body its dropout."""
    del form, read, dropout, dtype
    return head


def transformer(
    form: Form,
    head: nn.Module,
    read: Read,
    *,
    decoder_layers: int = 2,
    decoder_width: int = 128,
    decoder_heads: int = 4,
    word_dropout: float = 0.0,
    dropout: float = 0.0,
    dtype: str = "float32",
) -> nn.Module:
    """Of a text or a series: each place attends to those before it."""
    T = times_of(form, "decoder", "transformer", _OTHERWISE)
    check_count("decoder_layers", decoder_layers)
    check_count("decoder_heads", decoder_heads)
    _check_width(decoder_width, decoder_heads)
    own = one_of("dtype", DTYPES, dtype)
    gaps = _probability(word_dropout)
    network = CausalTransformer(T, decoder_width, decoder_layers, decoder_heads, gaps, dropout, own)
    return AutoregressiveHead(network, head, read)


def wavenet(
    form: Form,
    head: nn.Module,
    read: Read,
    *,
    decoder_width: int = 64,
    word_dropout: float = 0.0,
    dropout: float = 0.0,
    dtype: str = "float32",
) -> nn.Module:
    """Of a text or a series: dilated convolutions that reach from the end to the beginning, without
    dropout."""
    del dropout
    T = times_of(form, "decoder", "wavenet", _OTHERWISE)
    _check_width(decoder_width)
    own = one_of("dtype", DTYPES, dtype)
    network = WaveNet(dilations_of(T), decoder_width, _probability(word_dropout), own)
    return AutoregressiveHead(network, head, read)


def pixelcnn(
    form: Form,
    head: nn.Module,
    read: Read,
    *,
    decoder_layers: int = 5,
    decoder_width: int = 32,
    dropout: float = 0.0,
    dtype: str = "float32",
) -> nn.Module:
    """Of images: masked convolutions, of 5x5 values, without dropout."""
    del dropout
    if len(form.shape) != 3:
        raise ValueError(
            "decoder='pixelcnn' is for images [H, W, C], and these examples have the shape"
            f" {list(form.shape)}: choose decoder='independent'."
        )
    check_count("decoder_layers", decoder_layers)
    _check_width(decoder_width)
    own = one_of("dtype", DTYPES, dtype)
    by_pixel = isinstance(head, ColourLogisticsHead)  # which has the order of its colours itself
    network = GatedPixelCNN(decoder_width, decoder_layers, by_pixel=by_pixel, dtype=own)
    return AutoregressiveHead(network, head, read)


def recurrent(
    cell: str,
    form: Form,
    head: nn.Module,
    read: Read,
    *,
    decoder_layers: int = 1,
    decoder_width: int = 128,
    word_dropout: float = 0.0,
    dropout: float = 0.0,
    dtype: str = "float32",
) -> nn.Module:
    """Of a text or a series: a recurrent cell, which reads them one after the other."""
    times_of(form, "decoder", cell, _OTHERWISE)
    check_count("decoder_layers", decoder_layers)
    _check_width(decoder_width)
    own, gaps = one_of("dtype", DTYPES, dtype), _probability(word_dropout)
    network = CausalRecurrent(
        decoder_width,
        decoder_layers,
        CELLS[cell],
        word_dropout=gaps,
        dropout=dropout,
        dtype=own,
    )
    return AutoregressiveHead(network, head, read)


def flow(
    form: Form,
    head: nn.Module,
    read: Read,
    *,
    decoder_layers: int = 2,
    decoder_width: int = 64,
    dropout: float = 0.0,
    dtype: str = "float32",
) -> nn.Module:
    """Of a row of numbers: its likelihood through masked autoregressive flows that are told the
    decoder's features (Papamakarios et al. 2017), without dropout, in float32."""
    del read, dropout, dtype
    if len(form.shape) != 1 or form.shape == (0,) or form.classes is not None:
        raise ValueError(
            "decoder='flow' is for rows of numbers [D], and these examples have the shape"
            f" {list(form.shape)}: choose decoder='independent'."
        )
    if not isinstance(head, GaussianHead | FullGaussianHead | LaplaceHead):
        raise ValueError(
            "decoder='flow' moves densities of all numbers: choose likelihood='gaussian',"
            " 'full_gaussian' or 'laplace'; or decoder='independent'."
        )
    check_count("decoder_layers", decoder_layers)
    _check_width(decoder_width)
    return FlowHead(head, maf(form.shape[0], decoder_layers, (decoder_width,)))


DECODERS: Rows = {
    "independent": independent,
    "transformer": transformer,
    "wavenet": wavenet,
    "gru": partial(recurrent, "gru"),
    "lstm": partial(recurrent, "lstm"),
    "pixelcnn": pixelcnn,
    "flow": flow,
}


def _check_width(width: int, heads: int = 1) -> None:
    check_count("decoder_width", width)
    if width % heads:
        raise ValueError(
            f"decoder_width must be a multiple of decoder_heads; got {width} and {heads}."
        )


def _probability(word_dropout: float) -> float:
    if not 0 <= word_dropout <= 1:
        raise ValueError(f"word_dropout must be in 0 .. 1; got {word_dropout}.")
    return word_dropout
