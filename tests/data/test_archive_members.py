"""Which array of an .npz is what."""

import numpy as np
import pytest

from vae_jax.data import read, read_array
from vae_jax.data.members import find_members

BYTES = np.random.default_rng(0).integers(0, 256, (5, 3, 4), dtype=np.uint8)
LABEL = np.arange(5)[::-1]


def saved(folder, **arrays):
    np.savez(folder / "a.npz", **arrays)
    return folder / "a.npz"


@pytest.mark.parametrize("name", ["x", "X", "images", "data", "anything"])
@pytest.mark.parametrize("label", ["label", "labels", "y"])
def test_examples_and_labels(name, label, tmp_path):
    split = read_array(saved(tmp_path, **{name: BYTES, label: LABEL}))
    np.testing.assert_array_equal(split.x[..., 0], BYTES)
    np.testing.assert_array_equal(split.label, LABEL)
    assert split.label.dtype == np.int32
    split = read_array(saved(tmp_path, **{name: BYTES}))
    np.testing.assert_array_equal(split.x[..., 0], BYTES)
    assert split.label is None


@pytest.mark.parametrize("name", ["x", "images", "data"])
def test_other_arrays_are_passed_over(name, tmp_path):
    np.savez_compressed(tmp_path / "a.npz", **{name: BYTES, "other": LABEL, "names": ["a", "b"]})
    np.testing.assert_array_equal(read_array(str(tmp_path / "a.npz")).x[..., 0], BYTES)


def test_an_array_that_is_not_read_may_be_a_pickle(tmp_path):
    path = saved(tmp_path, x=BYTES, names=np.array(["a", None], object))
    np.testing.assert_array_equal(read_array(path).x[..., 0], BYTES)


@pytest.mark.parametrize(
    ("x", "label", "x_test", "label_test"),
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("X_train", "y_train", "X_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
    ],
)
def test_splits_of_keras_and_others(x, label, x_test, label_test, tmp_path):
    arrays = {x: BYTES, label: LABEL, x_test: BYTES[:2] // 2, label_test: LABEL[:2]}
    path = saved(tmp_path, **arrays, val_images=BYTES[:1])
    data = read(path)
    np.testing.assert_array_equal(data.train.x[..., 0], BYTES)
    np.testing.assert_array_equal(data.train.label, LABEL)
    np.testing.assert_array_equal(data.test.x[..., 0], BYTES[:2] // 2)
    np.testing.assert_array_equal(data.test.label, LABEL[:2])
    np.testing.assert_array_equal(data.valid.x[..., 0], BYTES[:1])
    assert data.valid.label is None
    np.testing.assert_array_equal(read_array(path).x[..., 0], BYTES)


def test_splits_are_read_alike(tmp_path):
    """0 and 1 alone in one of them are bytes, as in the other; so are floats of both signs."""
    bits, floats = np.eye(4, dtype=np.uint8), np.eye(4)
    data = read(saved(tmp_path, x_train=bits, x_test=255 * bits))
    assert (data.levels, data.train.x.max(), data.test.x.max()) == (256, 1, 255)
    data = read(saved(tmp_path, x_train=floats, x_test=-floats))
    assert (data.levels, data.signed, data.train.x.min(), data.test.x.min()) == (1, True, 0.5, 0)


def test_a_key(tmp_path):
    path = saved(tmp_path, night=BYTES, day=BYTES // 2, y=LABEL)
    np.testing.assert_array_equal(read_array(path, key="day").x[..., 0], BYTES // 2)
    assert read_array(path, key="day").label.tolist() == LABEL.tolist()
    message = r"no array 'dusk'; it holds night uint8 \[5, 3, 4\], day .*, y int64 \[5\]"
    with pytest.raises(ValueError, match=message):
        read_array(path, key="dusk")


def test_what_cannot_be_told(tmp_path):
    path = saved(tmp_path, night=BYTES, day=BYTES)
    message = r"a\.npz holds night uint8 \[5, 3, 4\], day uint8 .* key=\"night\" \(--key\), or name"
    with pytest.raises(ValueError, match=message):
        read_array(path)
    with pytest.raises(ValueError, match=r"holds y int64 \[5\], and the examples cannot be told"):
        read_array(saved(tmp_path, y=LABEL))
    with pytest.raises(ValueError, match="holds both label and y: save one of them"):
        read_array(saved(tmp_path, x=BYTES, y=LABEL, label=LABEL))
    with pytest.raises(ValueError, match=r"holds both images and data: .* key="):
        read_array(saved(tmp_path, images=BYTES, data=BYTES))
    assert find_members(saved(tmp_path, x=BYTES, data=BYTES))["train"].x == "x"
