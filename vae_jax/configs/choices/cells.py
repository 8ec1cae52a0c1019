"""Recurrent cells, of encoders and of decoders."""

from collections.abc import Callable

from flax import linen as nn

CELLS: dict[str, Callable[..., nn.RNNCellBase]] = {
    "gru": nn.GRUCell,
    "lstm": nn.OptimizedLSTMCell,
}
