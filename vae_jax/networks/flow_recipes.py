"""The published flows by name: each the layers it is made of."""

from collections.abc import Sequence

from flax import linen as nn
from flax.typing import Dtype

from vae_jax.networks.bodies import MLP
from vae_jax.networks.elementwise import Affines, Elementwise, Splines
from vae_jax.networks.flow_layers import (
    AutoregressiveLayer,
    CouplingLayer,
    FlowChain,
    PermutationLayer,
    PlanarLayer,
    RadialLayer,
    SylvesterLayer,
)
from vae_jax.networks.init import spread_bias


def planar(event_size: int, layers: int = 8, dtype: Dtype | None = None) -> FlowChain:
    """Planar flows, for posteriors. Reference: Rezende, Mohamed 2015, arXiv 1505.05770."""
    return FlowChain(tuple(PlanarLayer(event_size, dtype) for _ in range(layers)))


def radial(event_size: int, layers: int = 8, dtype: Dtype | None = None) -> FlowChain:
    """Radial flows, for posteriors. Reference: Rezende, Mohamed 2015, arXiv 1505.05770."""
    return FlowChain(tuple(RadialLayer(event_size, dtype) for _ in range(layers)))


def sylvester(
    event_size: int, layers: int = 4, rank: int | None = None, dtype: Dtype | None = None
) -> FlowChain:
    """Sylvester flows of so many directions, by default 8 at most, for posteriors.

    Reference: van den Berg, Hasenclever, Tomczak, Welling 2018, arXiv 1803.05649.
    """
    own = min(event_size, 8) if rank is None else rank
    return FlowChain(tuple(SylvesterLayer(event_size, own, dtype) for _ in range(layers)))


def iaf(event_size: int, layers: int = 2, widths: tuple[int, ...] = (128,)) -> FlowChain:
    """Inverse autoregressive flows, the order reversed between them, for posteriors.

    Reference: Kingma et al. 2016, arXiv 1606.04934.
    """
    return _turned(event_size, [AutoregressiveLayer(event_size, widths) for _ in range(layers)])


def maf(event_size: int, layers: int = 4, widths: tuple[int, ...] = (64,)) -> FlowChain:
    """Masked autoregressive flows, the order reversed between them, for densities.

    Reference: Papamakarios, Pavlakou, Murray 2017, arXiv 1705.07057.
    """
    own = [AutoregressiveLayer(event_size, widths, density=True) for _ in range(layers)]
    return _turned(event_size, own)


def real_nvp(
    event_size: int,
    layers: int = 6,
    widths: tuple[int, ...] = (64,),
    elementwise: Elementwise = Affines(),  # noqa: B008
) -> FlowChain:
    """Affine couplings, the order reversed between them, for densities both of whose ways are fast.

    Reference: Dinh, Sohl-Dickstein, Bengio 2017, arXiv 1605.08803.
    """
    bodies = [MLP(widths, bias_init=spread_bias) for _ in range(layers)]
    own = [CouplingLayer(event_size, body, elementwise) for body in bodies]
    return _turned(event_size, own)


def neural_spline(
    event_size: int, layers: int = 4, widths: tuple[int, ...] = (64,), bins: int = 8
) -> FlowChain:
    """Couplings by rational-quadratic splines, the order reversed between them, for densities.

    Reference: Durkan, Bekasov, Murray, Papamakarios 2019, arXiv 1906.04032.
    """
    return real_nvp(event_size, layers, widths, Splines(bins))


def _turned(event_size: int, layers: Sequence[nn.Module]) -> FlowChain:
    """With the values in reverse order between each two layers."""
    turn = tuple(reversed(range(event_size)))
    own = [*layers[:1]]
    for layer in layers[1:]:
        own += [PermutationLayer(turn), layer]
    return FlowChain(tuple(own))
