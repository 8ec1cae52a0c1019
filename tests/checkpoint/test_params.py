"""Parameters on disk, and back."""

from collections import namedtuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from damage import DAMAGES, empty, largest, remove, truncate

from vae_jax import checkpoint
from vae_jax.checkpoint import structure

# asyncio drops the readings that orbax had begun when another of them failed
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

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


def test_another_architecture_is_refused(tmp_path):
    """By the names of the leaves that differ, not by what orbax makes of them."""
    checkpoint.save(tmp_path / "params", {"encoder": {"kernel": jnp.ones((2, 3))}})
    saved = (
        r"params is of another architecture or optimizer\. encoder/kernel: saved float32 \[2, 3\], "
    )
    for like, message in [
        ({"encoder": {"kernel": jnp.ones((3, 2))}}, saved + r"expected float32 \[3, 2\]\. Load it"),
        ({"encoder": {"kernel": jnp.ones((2, 3), int)}}, saved + r"expected int32 \[2, 3\]\."),
        (
            {"encoder": {"bias": jnp.ones(3)}},
            r"bias: saved nothing, .*; encoder/kernel: saved .* expected nothing",
        ),
        ({f"group{i}": jnp.ones(1) for i in range(9)}, r"group3: .* \(and 5 more\)\. Load it"),
    ]:
        with pytest.raises(ValueError, match=message):
            checkpoint.load(tmp_path / "params", like)


LARGE = {"kernel": jax.random.normal(jax.random.key(0), (30, 40))}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_numbers_are_never_returned(tmp_path, damage):
    checkpoint.save(tmp_path / "params", LARGE)
    damage(largest(tmp_path / "params"))
    with pytest.raises(ValueError, match=r"params is damaged.* Save the parameters again, or take"):
        checkpoint.load(tmp_path / "params", LARGE)


@pytest.mark.parametrize("damage", [truncate, empty, remove])
@pytest.mark.parametrize("name", ["_CHECKPOINT_METADATA", "_METADATA", "manifest.ocdbt"])
def test_damaged_metadata(tmp_path, name, damage):
    """Known for what it is: not taken for another architecture."""
    checkpoint.save(tmp_path / "params", {"kernel": jnp.ones(3)})
    for path in (tmp_path / "params").rglob(name):
        damage(path)
    with pytest.raises(ValueError, match="params is damaged"):
        checkpoint.load(tmp_path / "params", {"kernel": jnp.ones(3)})


def test_a_folder_of_something_else(tmp_path):
    (tmp_path / "notes.txt").write_text("no parameters")
    with pytest.raises(ValueError, match=f"{tmp_path.name} is damaged, or no checkpoint: it"):
        checkpoint.load(tmp_path, LARGE)


def test_the_order_of_a_tree_is_not_part_of_what_is_compared():
    """A record's fields have an order of their own, a dict's names another."""
    pair = namedtuple("pair", ["b", "a"])
    b, a = jnp.zeros(2), jnp.ones(3)
    assert structure.checksum(pair(b, a)) == structure.checksum({"a": a, "b": b})
    for other in ({"a": a, "c": b}, {"a": b, "b": a}, {"a": a, "b": b.astype(int)}, {"a": a}):
        assert structure.checksum(other) != structure.checksum({"a": a, "b": b})
