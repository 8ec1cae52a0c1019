"""Parameters on disk, and back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import checkpoint

TREE = {
    "encoder": {"kernel": jnp.array([[0.1, -0.0], [jnp.nan, jnp.inf]]), "bias": jnp.array([1e-45])},
    "half": jnp.array([0.1, 3e38], jnp.bfloat16),
    "state": {"count": jnp.array(2**31 - 1), "used": jnp.array([True, False])},
}


def test_what_is_read_is_what_was_written(tmp_path):
    """Bit for bit: signed zeros, NaN, subnormals, every type; into arrays or their shapes."""
    checkpoint.save(tmp_path / "params", TREE)
    shapes = jax.eval_shape(lambda: TREE)
    for like in (jax.tree.map(jnp.zeros_like, TREE), shapes):
        read = checkpoint.load(tmp_path / "params", like)
        assert jax.tree.structure(read) == jax.tree.structure(TREE)
        for one, other in zip(*map(jax.tree.leaves, (read, TREE)), strict=True):
            assert isinstance(one, jax.Array)
            assert one.dtype == other.dtype
            assert np.asarray(one).tobytes() == np.asarray(other).tobytes()


def test_relative_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = (tmp_path / "params").relative_to(tmp_path)
    checkpoint.save(folder, {"a": jnp.ones(2)})
    np.testing.assert_array_equal(checkpoint.load(folder, {"a": jnp.zeros(2)})["a"], 1)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There are no saved parameters at .*nothing"):
        checkpoint.load(tmp_path / "nothing", TREE)


def test_what_was_saved_is_not_overwritten(tmp_path):
    checkpoint.save(tmp_path / "params", {"a": jnp.ones(2)})
    with pytest.raises(FileExistsError, match="params is there already: name a new folder"):
        checkpoint.save(tmp_path / "params", {"a": jnp.zeros(2)})
    np.testing.assert_array_equal(
        checkpoint.load(tmp_path / "params", {"a": jnp.zeros(2)})["a"], jnp.ones(2)
    )


def test_another_structure_is_refused(tmp_path):
    checkpoint.save(tmp_path / "params", {"a": jnp.ones(2)})
    with pytest.raises(ValueError, match="structures do not match"):
        checkpoint.load(tmp_path / "params", {"b": jnp.zeros(2)})
    with pytest.raises(ValueError, match=r"shape: \(3,\) is not compatible"):
        checkpoint.load(tmp_path / "params", {"a": jnp.zeros(3)})
