"""read: by place or name."""

import numpy as np
import pytest
import tiny_tfds
from PIL import Image

from vae_jax.data import hold_out, read, read_array, read_images


def save(path, value=0, shape=(2, 3)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(shape, value, np.uint8)).save(path)


def assert_same(split, other):
    np.testing.assert_array_equal(split.x, other.x)
    np.testing.assert_array_equal(split.label, other.label)


def test_a_folder_is_held_out_of(tmp_path):
    for i in range(20):
        save(tmp_path / "faces.v1" / "ab"[i % 2] / f"{i}.png", i)
    data = read(tmp_path / "faces.v1", fraction=0.2, seed=3)
    train, test = hold_out(read_images(tmp_path / "faces.v1"), 0.2, seed=3)
    assert_same(data.train, train)
    assert_same(data.test, test)
    assert (data.name, data.valid, data.max_value) == ("faces.v1", None, 255)
    assert len(data.test.x) == 4


@pytest.mark.parametrize("names", [["train", "test"], ["train", "valid", "test"]])
def test_a_divided_folder(names, tmp_path):
    for count, name in enumerate(names, start=1):
        for i in range(count):
            save(tmp_path / name / f"{i}.png", 10 * count)
    data = read(str(tmp_path))
    for count, name in enumerate(names, start=1):
        split = getattr(data, name)
        assert split.x[:, 0, 0, 0].tolist() == [10 * count] * count
    assert (data.valid is None) == ("valid" not in names)


@pytest.mark.parametrize("names", [["train"], ["train", "test", "val"], ["test", "cat"]])
def test_train_and_test_are_no_classes(names, tmp_path):
    for name in names:
        save(tmp_path / name / "a.png")
    message = rf"has the subfolders {', '.join(sorted(names))}: needed are train and test"
    with pytest.raises(ValueError, match=message):
        read(tmp_path)


def test_splits_need_the_same_classes(tmp_path):
    for name in ("train/cat", "train/dog", "test/dog"):
        save(tmp_path / name / "a.png")
    with pytest.raises(ValueError, match="same classes, and test has dog; train has cat, dog"):
        read(tmp_path)
    save(tmp_path / "test" / "cat" / "a.png")
    assert read(tmp_path).test.label.tolist() == [0, 1]


def test_splits_need_the_same_shape(tmp_path):
    save(tmp_path / "train" / "a.png")
    save(tmp_path / "test" / "a.png", shape=(3, 3))
    with pytest.raises(ValueError, match=r"one shape.*train \[2, 3, 1\]; test \[3, 3, 1\]|test.*;"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("x", "max_value"),
    [
        (np.arange(12, dtype=np.uint8).reshape(6, 2), 255),
        (np.eye(6, dtype=np.uint8), 1),
        (np.eye(6, dtype=bool), 1),
        (np.eye(6), 1),
    ],
)
def test_an_array(x, max_value, tmp_path):
    np.savez(tmp_path / "my.data.npz", x=x, label=np.arange(6))
    data = read(tmp_path / "my.data.npz")
    train, test = hold_out(read_array(tmp_path / "my.data.npz"))
    assert_same(data.train, train)
    assert_same(data.test, test)
    assert (data.name, data.valid, data.max_value) == ("my.data", None, max_value)


def test_an_array_alone_in_its_file(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 2, 2)))
    assert read(tmp_path / "a.npy").train.x.shape == (2, 2, 2, 1)


def test_a_prepared_set(tmp_path):
    splits = {"train": tiny_tfds.images(5), "test": tiny_tfds.images(3, seed=1)}
    tiny_tfds.prepare(tmp_path, splits)
    data = read("tiny_set", data_dir=tmp_path)
    np.testing.assert_array_equal(data.train.x, splits["train"])
    np.testing.assert_array_equal(data.test.x, splits["test"])
    assert (data.name, data.valid, data.max_value) == ("tiny_set", None, 255)


def test_the_splits_that_a_prepared_set_has(tmp_path):
    x = tiny_tfds.images(10)
    tiny_tfds.prepare(tmp_path, {"train": x, "validation": x[:4]})
    data = read("tiny_set", data_dir=tmp_path)
    order = np.random.default_rng(0).permutation(10)
    np.testing.assert_array_equal(data.train.x, x[order[:8]])
    np.testing.assert_array_equal(data.test.x, x[order[8:]])
    np.testing.assert_array_equal(data.valid.x, x[:4])


def test_a_set_prepared_in_another_format(tmp_path):
    folder = tmp_path / "tiny_set" / "1.0.0"
    folder.mkdir(parents=True)
    (folder / "dataset_info.json").write_text('{"fileFormat": "tfrecord"}')
    with pytest.raises(FileNotFoundError, match="a format that only TensorFlow reads"):
        read("tiny_set", data_dir=tmp_path)


@pytest.mark.parametrize("where", ["nothing", "nothing.npy", "/no/where"])
def test_what_is_nowhere_may_be(where, tmp_path):
    message = (
        rf"There is no data '{where}'\. It may be a folder of \.png and \.jpg images .*; an \.npy "
        r"or \.npz file of numpy, such as an \.npz with the arrays train_images and test_images "
        rf"\[N, H, W, C\]; or the name of a set .* as array_record in {tmp_path}"
    )
    with pytest.raises(FileNotFoundError, match=message):
        read(where, data_dir=tmp_path)


def test_a_file_of_another_kind(tmp_path):
    (tmp_path / "a.csv").write_text("1,2")
    with pytest.raises(
        ValueError, match=r"a\.csv is a file that cannot be read as examples\. Need"
    ):
        read(tmp_path / "a.csv", data_dir=tmp_path)


def test_one_example_cannot_be_divided(tmp_path):
    save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="would take 2 of 1 examples, and leave none"):
        read(tmp_path)


def test_how_an_array_was_read_is_kept(tmp_path):
    np.save(tmp_path / "a.npy", np.linspace(-1, 1, 4 * 2 * 5 * 3).reshape(4, 2, 5, 3))
    data = read(tmp_path / "a.npy", layout="NCHW")
    assert (data.layout, data.levels, data.signed) == ("NCHW", 1, True)
    assert data.notes == (
        "a.npy: x is float64 [4, 2, 5, 3], as [N, C, H, W] of floats in [-1, 1], brought to [0, 1]",
    )
    again = read(tmp_path / "a.npy", layout="NCHW", levels=1, signed=True)
    np.testing.assert_array_equal(again.train.x, data.train.x)
    np.save(tmp_path / "b.npy", np.arange(32).reshape(4, 8))
    data = read(tmp_path / "b.npy", levels=32)
    assert (data.layout, data.levels, data.signed, data.max_value) == ("ND", 32, False, 31)
    assert data.notes == ("b.npy: x is int64 [4, 8], as [N, D] of 32 levels, 0 .. 31",)


def test_what_is_said_of_image_files_must_hold(tmp_path):
    for i in range(4):
        save(tmp_path / f"{i}.png", i)
    assert read(tmp_path, layout="NHWC", levels=256, signed=False).levels == 256
    for said in ({"layout": "NCHW"}, {"levels": 2}, {"signed": True}, {"key": "x"}):
        with pytest.raises(ValueError, match="is read as images of 256 levels: key, layout"):
            read(tmp_path, **said)


def test_images_that_are_left_out_are_counted(tmp_path):
    for i in range(4):
        save(tmp_path / "cat" / f"{i}.png", i)
    assert read(tmp_path).notes == (f"{tmp_path}: the labels are 0 cat.",)
    for name in ("a.webp", "b.WEBP", "cat/c.tif", ".hidden.bmp"):
        (tmp_path / name).write_bytes(b"not looked at")
    save(tmp_path / "cat" / "young" / "a.png")
    assert read(tmp_path).notes == (
        f"{tmp_path}: 1 .tif and 2 .webp and 1 in deeper folders left out: PNG and JPEG in a folder"
        " and in its subfolders are read.",
        f"{tmp_path}: the labels are 0 cat.",
    )


def test_the_first_classes_are_named(tmp_path):
    for i in range(22):
        save(tmp_path / f"c{i:02}" / "a.png", i)
    (note,) = read(tmp_path).notes
    assert note.startswith(f"{tmp_path}: the labels are 0 c00, 1 c01, ")
    assert note.endswith("19 c19 and 2 more.")


def test_images_beside_splits_are_not_passed_over(tmp_path):
    for name in ("train/a", "test/a", "b"):
        save(tmp_path / f"{name}.png")
    with pytest.raises(ValueError, match=r"holds images \(b\.png\) beside test and train: move"):
        read(tmp_path)
