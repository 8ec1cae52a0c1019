"""Sources: the same examples as the readers in memory give, one at a time."""

import numpy as np
import pytest
from PIL import Image

from vae_jax.data import open_array, open_images, read_array, read_images

BYTES = np.random.default_rng(0).integers(0, 256, (5, 3, 4), dtype=np.uint8)


def save(folder, images=BYTES, names=("a/0", "a/1", "b/0", "b/1", "c/0")):
    for name, image in zip(names, images, strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{name}.png")
    return folder


def saved(folder, x, name="x.npy"):
    np.save(folder / name, x)
    return folder / name


def test_images(tmp_path):
    split, source = read_images(save(tmp_path)), open_images(tmp_path)
    assert len(source) == 5
    for i in range(5):
        assert set(source[i]) == {"x"}
        np.testing.assert_array_equal(source[i]["x"], split.x[i])
    labelled = open_images(str(tmp_path), labels=True)
    assert [int(labelled[i]["c"]) for i in range(5)] == [0, 0, 1, 1, 2]
    assert labelled[0]["c"].dtype == np.int32


def test_images_are_read_when_they_are_asked_for(tmp_path):
    source = open_images(save(tmp_path))
    Image.fromarray(255 - BYTES[3]).save(tmp_path / "b" / "1.png")
    np.testing.assert_array_equal(source[3]["x"][..., 0], 255 - BYTES[3])


def test_a_damaged_or_larger_image_is_named_when_it_is_read(tmp_path):
    save(tmp_path)
    (tmp_path / "b" / "0.png").write_bytes(b"no image")
    Image.fromarray(BYTES[4].T).save(tmp_path / "c" / "0.png")
    source = open_images(tmp_path)
    with pytest.raises(ValueError, match=r"b/0\.png cannot be decoded"):
        source[2]
    with pytest.raises(ValueError, match=r"c/0\.png is 4x3 .*a/0\.png is 3x4 with 1 channel"):
        source[4]
    assert source[3]["x"].shape == (3, 4, 1)


def test_labels_need_subfolders(tmp_path):
    save(tmp_path, BYTES[:1], ["a"])
    with pytest.raises(ValueError, match=r"labels=True needs a subfolder for each class"):
        open_images(tmp_path, labels=True)
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        open_images(tmp_path / "nowhere")


@pytest.mark.parametrize("shape", [(5, 12), (5, 3, 4), (5, 3, 4, 1)])
@pytest.mark.parametrize("dtype", ["uint8", "bool", "float64", "float16"])
def test_rows(dtype, shape, tmp_path):
    x = BYTES.reshape(shape)
    x = x > 127 if dtype == "bool" else x if dtype == "uint8" else (x / 255).astype(dtype)
    path = saved(tmp_path, x)
    split, source = read_array(path), open_array(path)
    assert len(source) == 5
    for i in range(5):
        assert set(source[i]) == {"x"}
        assert source[i]["x"].dtype == split.x.dtype
        np.testing.assert_array_equal(source[i]["x"], split.x[i])


def test_rows_stay_on_disk(tmp_path):
    path = saved(tmp_path, np.zeros((5, 2), np.uint8))
    source = open_array(path)
    with path.open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\7")
    assert source[4]["x"].tolist() == [0, 7]


def test_rows_with_labels(tmp_path):
    label = saved(tmp_path, np.array([3, 1, 4, 1, 5]), "label.npy")
    source = open_array(saved(tmp_path, BYTES), label)
    assert [int(source[i]["c"]) for i in range(5)] == [3, 1, 4, 1, 5]
    assert source[0]["c"].dtype == np.int32
    short = saved(tmp_path, np.arange(4), "short.npy")
    with pytest.raises(ValueError, match=r"short\.npy is int64 \[4\].*each of the 5 examples"):
        open_array(saved(tmp_path, BYTES), short)


@pytest.mark.parametrize(
    ("value", "message"), [(np.nan, "1 NaN"), (np.inf, "1 infinite"), (1.5, r"outside 0 \.\. 1")]
)
def test_a_bad_row_is_named_when_it_is_read(value, message, tmp_path):
    x = np.zeros((4, 2))
    x[2, 1] = value
    source = open_array(saved(tmp_path, x))
    assert source[1]["x"].tolist() == [0, 0]
    with pytest.raises(ValueError, match=rf"x\.npy, row 2: x .*{message}"):
        source[2]


@pytest.mark.parametrize("x", [np.zeros((0, 2)), np.array([["a"]])])
def test_other_arrays_are_refused(x, tmp_path):
    with pytest.raises(ValueError, match=r"x\.npy: x is .*one or more examples of numbers"):
        open_array(saved(tmp_path, x))


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (np.arange(48).reshape(2, 3, 4, 2), {"layout": "NCHW"}),
        (np.arange(12).reshape(2, 6), {"levels": 12}),
        (np.array([[-1.0, 0.5]]), {"signed": True}),
        (np.array([[0, 1000]], np.int32), {"levels": 1001}),
    ],
)
def test_rows_in_another_form(x, said, tmp_path):
    path = saved(tmp_path, x)
    split, source = read_array(path, **said), open_array(path, **said)
    for i in range(len(x)):
        assert source[i]["x"].dtype == split.x.dtype
        np.testing.assert_array_equal(source[i]["x"], split.x[i])


def test_a_row_that_does_not_hold_what_was_said(tmp_path):
    source = open_array(saved(tmp_path, np.array([[0, 1], [0, 300]])))
    assert source[0]["x"].dtype == np.uint8
    with pytest.raises(ValueError, match=r"x\.npy, row 1: x .* outside 0 \.\. 255, .* levels=301"):
        source[1]
    source = open_array(saved(tmp_path, np.array([[0.0, 1.0], [0.0, -1.0]])))
    with pytest.raises(ValueError, match=r"x\.npy, row 1: x .* outside 0 \.\. 1"):
        source[1]
    with pytest.raises(ValueError, match="layout='CHWN' was given"):
        open_array(saved(tmp_path, np.zeros((1, 2, 2, 2))), layout="CHWN")


def test_files_that_cannot_be_mapped(tmp_path):
    np.savez(tmp_path / "a.npz", x=BYTES)
    with pytest.raises(ValueError, match=r"a\.npz is not \.npy"):
        open_array(tmp_path / "a.npz")
    with pytest.raises(FileNotFoundError, match=r"There is no file .*/b\.npy"):
        open_array(tmp_path / "b.npy")
    with pytest.raises(ValueError, match=r"shape \[60\], and \[N, H, W, C\]"):
        open_array(saved(tmp_path, BYTES.ravel()))
    path = saved(tmp_path, BYTES)
    for content in (path.read_bytes()[:-1], path.read_bytes()[:50], b""):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"x\.npy is damaged, cut short"):
            open_array(path)
    with pytest.raises(ValueError, match=r"x\.npy holds Python objects"):
        open_array(saved(tmp_path, np.array([[{}]], object)))
