"""Numbers of so many levels between encoder and decoder, without a table: FSQ, LFQ, BSQ."""

import math
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from vae_jax.checks import check_count
from vae_jax.distributions import Lattice
from vae_jax.models.quantiser import Quantiser, with_quantiser
from vae_jax.models.record import VAE
from vae_jax.types import Array

_BEYOND = 1e-3  # of the half width: the outermost levels are reached where tanh is not yet 1
_LEAST = 1e-12  # of a squared length, so that one of 0 has a derivative
_MOST = 2**24  # codes: each is counted where usage is asked for


def with_fsq(model: VAE, levels: tuple[int, ...]) -> VAE:
    """The same model with each channel of its latents rounded to one of so many levels.

        z = round(h tanh(f + s) - o) / floor(L / 2),   h = (L - 1)(1 + 1e-3) / 2
        L even: o = 1/2, s = artanh(o / h);   L odd: o = s = 0;   L = 2: h = 1 - 1e-3, s = 0

    f = 0 is the middle of its level, 0; but of two levels, -1 and 0, it is where they meet, since
    the middle of one of them is where tanh is flat. Nothing but the networks is learned, and no
    term is needed but the distortion. Levels (8, 6, 5) are 240 codes, (8, 5, 5, 5) 1,000,
    (7, 5, 5, 5, 5) 4,375.

    Args:
      model: a VAE with one latent, an array of vectors [*positions, D], such as with a `DeltaHead`.
        Of its prior but the shape of its events is used.
      levels: L, of each of the D channels, 2 at least.

    Returns:
      VAE, whose prior is uniform over the codes: its rate is N sum_d log L_d.

    Raises:
      ValueError: a level below 2, or 2^24 codes or more; in `init`, another number of channels, or
        a model whose prior is learned.

    Reference: Mentzer, Minnen, Agustsson, Tschannen 2023, arXiv 2309.15505, section 3.1 and
    appendix A.1; there s is a tangent, by which f = 0 is not in the middle, and of two levels the
    derivative there 0.001.
    """
    check_levels(levels)
    L = np.array(levels)
    half = (L - 1) * (1 + _BEYOND) / 2
    offset = np.where(L % 2 == 0, 0.5, 0.0)
    half, shift = (
        np.where(L == 2, 1 - _BEYOND, half),
        np.where(L == 2, 0.0, np.arctanh(offset / half)),
    )
    constants = (half, offset, shift, L // 2)

    def bounded(f: Array) -> Array:
        _check_channels("with_fsq", f.shape, len(levels))
        h, o, s, unit = (jnp.broadcast_to(jnp.array(a, float), f.shape) for a in constants)
        return (h * jnp.tanh(f + s) - o) / unit

    return _without_table(model, "with_fsq", bounded, -np.ones(len(levels)), 1 / (L // 2), levels)


def with_lfq(model: VAE, channels: int) -> VAE:
    """The same model with the signs of its latents in their place: 2^D codes at each position.

        z_d = sign(f_d),   sign(0) = -1

    Descend the distortion, the commitment and `entropy_gap`, by which the signs are certain and the
    codes all used.

    Args:
      model: as in `with_fsq`.
      channels: D, at most 23.

    Returns:
      VAE, whose prior is uniform over the codes: its rate is N D log 2.

    Raises:
      ValueError: 2^24 codes or more; in `init`, another number of channels, or a model whose prior
        is learned.

    Reference: Yu et al. 2023, arXiv 2310.05737, section 3.1.
    """
    return _with_signs(model, "with_lfq", channels, 1.0, lambda f: f)


def with_bsq(model: VAE, channels: int) -> VAE:
    """The same, of features of length 1, and so of codes: binary spherical quantisation.

        u = f / |f|,   z_d = sign(u_d) / sqrt(D)

    Args, returns, raises: as of `with_lfq`. |u - z|^2 is at most 2 - 2 / sqrt(D), without a
    commitment.

    Reference: Zhao, Xiong, Krahenbuhl 2024, arXiv 2406.07548, section 4.
    """

    def on_the_sphere(f: Array) -> Array:
        return f / jnp.sqrt(jnp.sum(f**2, axis=-1, keepdims=True) + _LEAST)

    return _with_signs(model, "with_bsq", channels, 1 / math.sqrt(channels), on_the_sphere)


def check_levels(levels: tuple[int, ...]) -> None:
    """ValueError for levels that make no codes, or too many."""
    for level in levels:
        check_count("Each of levels", level)
    if not levels or min(levels) < 2 or math.prod(levels) >= _MOST:
        raise ValueError(
            f"levels must be 2 or more, one for each channel, and their product below {_MOST:,};"
            f" got {levels}: choose fewer channels, or fewer levels of each."
        )


def _with_signs(
    model: VAE, name: str, channels: int, scale: float, features: Callable[[Array], Array]
) -> VAE:
    check_count("channels", channels)
    check_levels((2,) * channels)

    def checked(f: Array) -> Array:
        _check_channels(name, f.shape, channels)
        return features(f)

    first = np.full(channels, -scale)
    return _without_table(model, name, checked, first, -2 * first, (2,) * channels)


def _without_table(
    model: VAE,
    name: str,
    features: Callable[[Array], Array],
    first: np.ndarray,
    step: np.ndarray,
    levels: tuple[int, ...],
) -> VAE:
    def lattice(params: object, key: object = None) -> Lattice:
        del params, key
        return Lattice(jnp.array(first, float), jnp.array(step, float), tuple(levels))

    own = Quantiser(lambda key, shape: {}, lattice, features)
    return with_quantiser(model, name, own)


def _check_channels(name: str, shape: tuple[int, ...], channels: int) -> None:
    if shape[-1] != channels:
        raise ValueError(
            f"{name} is for {channels} channels, and the model's latents have the shape"
            f" {list(shape)}: make their last axis {channels}."
        )
