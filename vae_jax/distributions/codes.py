"""Codes: the finite sets of vectors that features are replaced by, and their indices.

An index is an integer array [*positions, P]: of the vector at each position, which of K values each
of its P parts has. A table of codes has one part, or one for each group of channels; residual codes
have one for each stage; the lattice of FSQ, LFQ and BSQ has one, whose K is the product of its
levels.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import flax.struct
import jax
import jax.numpy as jnp

from vae_jax.types import Array

_SAME = 1e-6  # relative to a code: what one program rounds otherwise than another


class Codes(flax.struct.PyTreeNode, ABC):
    """The codes of vectors [*positions, D]. Abstract; a part of `Quantised` and `UniformCodes`.

    A subclass says what it does with one vector [D], or with its event, [D] or [P, D].
    """

    @property
    @abstractmethod
    def size(self) -> tuple[int, int]:
        """P, the parts of an index, and K, the values of each."""

    @property
    @abstractmethod
    def vector(self) -> tuple[int, ...]:
        """The shape of the event at one position."""

    @abstractmethod
    def _nearest(self, f: Array) -> Array: ...

    @abstractmethod
    def _event(self, index: Array) -> Array: ...

    @abstractmethod
    def _find(self, event: Array) -> Array: ...

    @abstractmethod
    def _inputs(self, f: Array, index: Array) -> Array: ...

    @abstractmethod
    def _chosen(self, index: Array) -> Array: ...

    def nearest(self, features: Array) -> Array:
        """The index [*positions, P] of the codes of features [*positions, D]."""
        _check(features.shape, self.vector[-1:])
        return _each(self._nearest, features.shape[:-1], features)

    def vectors(self, index: Array) -> Array:
        """The event of an index: [*positions, D], or [*positions, P, D] of residual codes."""
        return _each(self._event, index.shape[:-1], index)

    def find(self, event: Array) -> Array:
        """The index of an event, but for rounding; -1 where a part in use is no code, or one out of
        use has one."""
        return _each(self._find, self.positions(event.shape), event)

    def inputs(self, features: Array, index: Array) -> Array:
        """What each part's code stands for, [*positions, P, D'], given the codes of the others."""
        return _each(self._inputs, features.shape[:-1], features, index)

    def chosen(self, index: Array) -> Array:
        """Each part's code, [*positions, P, D']."""
        return _each(self._chosen, index.shape[:-1], index)

    def straight_through(self, features: Array, event: Array) -> Array:
        """The event, whose derivative is passed to the features as if it were they."""
        return jax.lax.stop_gradient(event) + _zero(features)

    def positions(self, event: tuple[int, ...]) -> tuple[int, ...]:
        """Of the shape of an event that of its positions. ValueError if it is none of these."""
        _check(event, self.vector)
        return event[: len(event) - len(self.vector)]

    def parts(self) -> Array | int:
        """How many of the P parts are in use."""
        return self.size[0]


class CodeTable(Codes):
    """A table of vectors, for each group of channels one (product quantisation).

    Args:
      codes: [G, K, D / G]; of a VQ-VAE G = 1.

    Reference: van den Oord, Vinyals, Kavukcuoglu 2017, arXiv 1711.00937; of groups Jegou, Douze,
    Schmid 2011, and Baevski, Schneider, Auli 2020, arXiv 1910.05453.
    """

    codes: Array

    @property
    def size(self) -> tuple[int, int]:
        """G, K."""
        return self.codes.shape[0], self.codes.shape[1]

    @property
    def vector(self) -> tuple[int, ...]:
        """[D]."""
        return (self.codes.shape[0] * self.codes.shape[2],)

    def _nearest(self, f: Array) -> Array:
        return jax.vmap(_nearest)(f.reshape(len(self.codes), -1), self.codes)

    def _event(self, index: Array) -> Array:
        return self._chosen(index).ravel()

    def _find(self, event: Array) -> Array:
        return jax.vmap(_found)(event.reshape(len(self.codes), -1), self.codes)

    def _inputs(self, f: Array, index: Array) -> Array:
        return f.reshape(len(self.codes), -1)

    def _chosen(self, index: Array) -> Array:
        return self.codes[jnp.arange(len(self.codes)), index]


class ResidualCodes(Codes):
    """Codes in stages, each of what those before it have left over; their sum is the vector.

        r_1 = f,   e_p = the code of table p that is nearest to r_p,   r_p+1 = r_p - e_p

    The event has the code of each stage, [*positions, P, D], so that it says which it is. A stage
    that is left out is a row of zeros, of index K; of one in use a row of zeros is a code where the
    table has it, and else none.

    Args:
      codes: [P, K, D].
      used: how many of the stages are in use, 1 .. P, []; None for all.

    Reference: Zeghidour et al. 2021, arXiv 2107.03312, algorithm 1.
    """

    codes: Array
    used: Array | None = None

    @property
    def size(self) -> tuple[int, int]:
        """P, K."""
        return self.codes.shape[0], self.codes.shape[1]

    @property
    def vector(self) -> tuple[int, ...]:
        """[P, D]."""
        return self.codes.shape[0], self.codes.shape[2]

    def straight_through(self, features: Array, event: Array) -> Array:
        """By the first row, so that the derivative of the sum is that of the features."""
        zero = jnp.zeros_like(event).at[..., 0, :].set(_zero(features))
        return jax.lax.stop_gradient(event) + zero

    def parts(self) -> Array | int:
        """The stages in use."""
        return len(self.codes) if self.used is None else self.used

    def _nearest(self, f: Array) -> Array:
        index = []
        for table in self.codes:
            index.append(_nearest(f, table))
            f = f - table[index[-1]]
        out = jnp.arange(len(self.codes)) >= self.parts()
        return jnp.where(out, self.size[1], jnp.stack(index))

    def _event(self, index: Array) -> Array:
        return self._chosen(index)

    def _find(self, event: Array) -> Array:
        left_out = jnp.where(jnp.all(event == 0, axis=-1), self.size[1], -1)  # [P]
        out = jnp.arange(len(self.codes)) >= self.parts()
        return jnp.where(out, left_out, jax.vmap(_found)(event, self.codes))

    def _inputs(self, f: Array, index: Array) -> Array:
        chosen = jax.lax.stop_gradient(self._chosen(index))
        return f[None] - (jnp.cumsum(chosen, axis=0) - chosen)

    def _chosen(self, index: Array) -> Array:
        rows = jnp.pad(self.codes, [(0, 0), (0, 1), (0, 0)])  # K: zeros
        return rows[jnp.arange(len(self.codes)), index]


def _nearest(vector: Array, table: Array) -> Array:
    """The row [] of a table [K, D] by Euclidean distance."""
    # |f - e|^2 less |f|^2, which is the same for all codes
    return jnp.argmin(jnp.sum(table**2, axis=1) - 2 * table @ vector)


def _found(vector: Array, table: Array) -> Array:
    """Which row of a table a vector is, []; -1 if none. A search for the nearest would round."""
    off = jnp.abs(vector[None] - table)
    same = jnp.all(off <= _SAME * jnp.max(jnp.abs(table), axis=1, keepdims=True), axis=1)
    return jnp.where(jnp.any(same), jnp.argmax(same), -1)


def _each(f: Callable[..., Array], positions: tuple[int, ...], *arrays: Array) -> Array:
    """f at each position."""
    n = len(positions)
    made = jax.vmap(f)(*(a.reshape(math.prod(positions), *a.shape[n:]) for a in arrays))
    return made.reshape(*positions, *made.shape[1:])


def _zero(features: Array) -> Array:
    """Zeros, exactly, with the derivative of the features."""
    return features - jax.lax.stop_gradient(features)


def _check(shape: tuple[int, ...], last: tuple[int, ...]) -> None:
    if shape[len(shape) - len(last) :] != last:
        raise ValueError(
            f"These codes are for events [..., {', '.join(map(str, last))}]; got one of shape"
            f" {list(shape)}: the last axis is that of a vector."
        )
