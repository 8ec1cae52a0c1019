"""Arrays in .npy and .npz: types, shapes, labels, and what is refused."""

import numpy as np
import pytest

from vae_jax.data import read_array

BYTES = np.random.default_rng(0).integers(0, 256, (5, 3, 4), dtype=np.uint8)


def saved(folder, x):
    np.save(folder / "x.npy", x)
    return folder / "x.npy"


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((5, 12), (5, 12)), ((5, 3, 4), (5, 3, 4, 1)), ((5, 3, 2, 2), (5, 3, 2, 2))],
)
def test_shapes(shape, expected, tmp_path):
    split = read_array(saved(tmp_path, BYTES.reshape(shape)))
    assert split.x.shape == expected
    np.testing.assert_array_equal(np.ravel(split.x), np.ravel(BYTES))
    assert split.label is None


@pytest.mark.parametrize("shape", [(60,), (5, 3, 2, 2, 1)])
def test_other_shapes_are_refused(shape, tmp_path):
    message = rf"x\.npy: x has shape \{list(shape)}, and \[N, H, W, C\].*is needed"
    with pytest.raises(ValueError, match=message.replace("[60]", r"[60\]")):
        read_array(saved(tmp_path, BYTES.reshape(shape)))


def test_channels_come_last(tmp_path):
    message = r"shape \[2, 3, 8, 8\], which looks like \[N, C, H, W\].*moveaxis"
    with pytest.raises(ValueError, match=message):
        read_array(saved(tmp_path, np.zeros((2, 3, 8, 8), np.uint8)))
    for shape in ((2, 8, 8, 3), (2, 3, 8, 3), (2, 8, 3, 8)):
        assert read_array(saved(tmp_path, np.zeros(shape, np.uint8))).x.shape == shape


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        *[(dtype, "uint8") for dtype in ("uint8", "int64", ">u2", "bool")],
        *[(dtype, "float32") for dtype in ("float16", "float64", ">f4")],
    ],
)
def test_types(dtype, expected, tmp_path):
    x = np.array([[0, 1], [1, 0]]).astype(dtype)
    read = read_array(saved(tmp_path, x)).x
    assert read.dtype == expected
    np.testing.assert_array_equal(read, [[0, 1], [1, 0]])


def test_intensities_and_fractions_are_kept(tmp_path):
    x = np.array([[0, 7, 255]])
    np.testing.assert_array_equal(read_array(saved(tmp_path, x)).x, x)
    x = np.array([[0.0, 0.25, 1.0]])
    np.testing.assert_array_equal(read_array(saved(tmp_path, x)).x, x)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (
            [[0, 3], [256, -1]],
            r"has 2 values outside 0 \.\. 255, the first, 256, at index",
        ),
        (
            [[0.5, 0.5], [0.5, -0.1]],
            r"has 1 values outside 0 \.\. 1, the first, -0\.1, at index \(1, 1\): div",
        ),
        (
            [[0.5, 255.0], [0.5, 0.1]],
            r"has 1 values outside 0 \.\. 1, the first, 255\.0, at index \(0, 1\).* as uint8",
        ),
        ([[0.5, np.nan]], r"has 1 NaN values, the first at index \(0, 1\): replace"),
        ([[np.inf, 0.0]], r"has 1 infinite values, the first at index \(0, 0\)"),
        (np.zeros((0, 3)), r"has shape \(0, 3\): no example"),
    ],
)
def test_values_are_checked(x, message, tmp_path):
    with pytest.raises(ValueError, match=rf"x\.npy: x (\[\d, 2\] )?{message}"):
        read_array(saved(tmp_path, np.asarray(x)))


@pytest.mark.parametrize("x", [np.array([["a"]]), np.array([[1j]])])
def test_other_types_are_refused(x, tmp_path):
    with pytest.raises(TypeError, match=r"x\.npy: x has dtype .*needed"):
        read_array(saved(tmp_path, x))


def test_npz(tmp_path):
    label = np.arange(5)[::-1]
    for names in ({"x": BYTES}, {"images": BYTES}, {"x": BYTES, "other": label}):
        np.savez(tmp_path / "a.npz", **names)
        split = read_array(tmp_path / "a.npz")
        np.testing.assert_array_equal(split.x[..., 0], BYTES)
        assert split.label is None
    for name, others in (("label", {"images": BYTES}), ("y", {"x": BYTES, "other": label})):
        np.savez_compressed(tmp_path / "a.npz", **others, **{name: label})
        split = read_array(str(tmp_path / "a.npz"))
        np.testing.assert_array_equal(split.x[..., 0], BYTES)
        np.testing.assert_array_equal(split.label, label)
        assert split.label.dtype == np.int32


def test_npz_in_which_the_examples_cannot_be_told(tmp_path):
    path = tmp_path / "a.npz"
    message = r"a\.npz holds the arrays \['test', 'train'\].*numpy\.savez\(path, x=examples"
    np.savez(path, train=BYTES, test=BYTES)
    with pytest.raises(ValueError, match=message):
        read_array(path)
    np.savez(path, y=np.arange(5))
    with pytest.raises(ValueError, match=r"holds the arrays \['y'\]"):
        read_array(path)
    np.savez(path, x=BYTES, y=np.arange(5), label=np.arange(5))
    with pytest.raises(ValueError, match="holds both label and y"):
        read_array(path)


@pytest.mark.parametrize("label", [np.arange(4), np.eye(5, dtype=int), np.arange(5.0)])
def test_labels_are_checked(label, tmp_path):
    np.savez(tmp_path / "a.npz", x=BYTES, label=label)
    message = r"a\.npz: label is .*one integer for each of the 5 examples is needed, \[5\]"
    with pytest.raises(ValueError, match=message):
        read_array(tmp_path / "a.npz")


def test_labels_that_do_not_fit_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=BYTES, label=np.arange(5) + 2**31 - 4)
    with pytest.raises(ValueError, match=r"1 values outside .*2147483648, at index \(4,\)"):
        read_array(tmp_path / "a.npz")


class Trap:
    """Unpickling it would leave a mark."""

    sprung = False

    def __reduce__(self):
        return setattr, (Trap, "sprung", True)


@pytest.mark.parametrize("save", [np.save, np.savez])
def test_pickles_are_not_loaded(save, tmp_path):
    path = tmp_path / ("x.npy" if save is np.save else "x.npz")
    save(path, np.array([Trap()], object))
    with pytest.raises(ValueError, match=r"x\.np[yz] holds Python objects.*numpy\.stack\(examples"):
        read_array(path)
    assert not Trap.sprung


@pytest.mark.parametrize("keep", [0, 5, 60, 140, 300, 500])
@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_files_cut_short_are_named(name, keep, tmp_path):
    path, x = tmp_path / name, np.tile(np.arange(256, dtype=np.uint8), (4, 1))
    np.save(path, x) if name == "a.npy" else np.savez(path, x=x)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=rf"{path} is damaged, cut short, or not numpy's"):
        read_array(path)


def damaged(path):
    """The file with each of its bytes changed in turn, in one bit and in all."""
    good = path.read_bytes()
    for at in range(len(good)):
        for bits in (1, 255):
            path.write_bytes(good[:at] + bytes([good[at] ^ bits]) + good[at + 1 :])
            yield


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_changed_byte_of_an_npz_is_noticed(save, tmp_path):
    """Or is one that says nothing of the values, a date say."""
    path, x = tmp_path / "a.npz", np.random.default_rng(0).integers(0, 256, (3, 9), dtype=np.uint8)
    save(path, x=x)
    noticed = 0
    for _ in damaged(path):
        try:
            np.testing.assert_array_equal(read_array(path).x, x)
        except ValueError as error:
            assert f"{path} is damaged" in str(error)  # noqa: PT017
            noticed += 1
    assert noticed > 100


def test_a_changed_byte_of_an_npy_raises_no_other_error(tmp_path):
    """There is no check sum in it: a changed value is another value."""
    path = saved(tmp_path, np.arange(6, dtype=np.uint8).reshape(3, 2))
    noticed = 0
    for _ in damaged(path):
        try:
            read_array(path)
        except ValueError as error:
            assert str(path) in str(error)  # noqa: PT017
            noticed += 1
    assert noticed > 100


def test_not_a_file_of_numpy(tmp_path):
    (tmp_path / "a.csv").write_text("1,2")
    with pytest.raises(ValueError, match=r"a\.csv is not \.npy or \.npz; numpy\.save writes"):
        read_array(tmp_path / "a.csv")
    with pytest.raises(FileNotFoundError, match=r"There is no file .*/b\.npy"):
        read_array(tmp_path / "b.npy")
    (tmp_path / "c.npy").write_bytes(b"another thing")
    with pytest.raises(ValueError, match=r"c\.npy is damaged, cut short, or not numpy's"):
        read_array(tmp_path / "c.npy")
