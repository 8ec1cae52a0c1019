"""Trees of arrays and keys, compared bit for bit."""

import jax
import numpy as np


def assert_same_bits(one, other):
    """The same structure, types and bits, of arrays and typed keys."""
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for a, b in zip(*map(jax.tree.leaves, (one, other)), strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert raw(a).tobytes() == raw(b).tobytes()


def raw(leaf):
    is_key = jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)
