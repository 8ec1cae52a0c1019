"""Arrays in .npy and .npz: layouts, levels and ranges, labels, and what is refused."""

import numpy as np
import pytest

from vae_jax.data import read_array

BYTES = np.random.default_rng(0).integers(0, 256, (5, 3, 4), dtype=np.uint8)


def saved(folder, x):
    np.save(folder / "x.npy", x)
    return folder / "x.npy"


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((5, 12), (5, 12)), ((5, 3, 4), (5, 3, 4, 1)), ((5, 3, 4, 1), (5, 3, 4, 1))],
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


@pytest.mark.parametrize("shape", [(2, 8, 8, 3), (2, 8, 9, 4), (2, 13, 14, 12), (2, 1, 5, 1)])
def test_channels_that_are_fewest_and_last(shape, tmp_path):
    assert read_array(saved(tmp_path, np.zeros(shape, np.uint8))).x.shape == shape


@pytest.mark.parametrize(
    "shape", [(3, 3, 8, 8), (3, 1, 28, 28), (3, 3, 64, 12), (3, 3, 4, 4), (3, 12, 8, 8)]
)
def test_where_the_channels_are_is_said_where_it_is_not_plain(shape, tmp_path):
    _, A, B, C = shape
    x = np.arange(np.prod(shape)).reshape(shape) % 256
    path = saved(tmp_path, x)
    message = (
        rf"may be \[N, C, H, W\], {A} channels of {B}x{C}, or \[N, H, W, C\], {C} channels of"
        rf" {A}x{B}: say which, layout=\"NCHW\" or layout=\"NHWC\" \(--layout\)"
    )
    with pytest.raises(ValueError, match=message):
        read_array(path)
    np.testing.assert_array_equal(read_array(path, layout="NHWC").x, x)
    np.testing.assert_array_equal(read_array(path, layout="NCHW").x, np.moveaxis(x, 1, -1))
    with pytest.raises(ValueError, match="layout='HWC' was given, and there are NHWC and NCHW"):
        read_array(path, layout="HWC")


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


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_of_both_signs_are_brought_to_the_unit_interval(dtype, tmp_path):
    path = saved(tmp_path, np.array([[-1, -0.75, 0.5, 1]], dtype))
    read = read_array(path).x
    assert read.dtype == np.float32
    assert read.tolist() == [[0, 0.125, 0.75, 1]]
    with pytest.raises(ValueError, match=r"2 values outside 0 \.\. 1, the first, -1\.0"):
        read_array(path, signed=False)
    path = saved(tmp_path, np.array([[0, 1]], dtype))
    assert read_array(path, signed=True).x.tolist() == [[0.5, 1]]


def test_floats_a_little_below_zero_may_be_either(tmp_path):
    path = saved(tmp_path, np.array([[-0.25, 1.0]]))
    message = r"x\.npy: x has floats down to -0\.25, which may be .*signed=True .*clip\(0, 1\)"
    with pytest.raises(ValueError, match=message):
        read_array(path)
    assert read_array(path, signed=True).x.tolist() == [[0.375, 1]]


@pytest.mark.parametrize(
    ("x", "levels", "expected"),
    [([[0, 16]], 17, "uint8"), ([[0.0, 16.0]], 17, "uint8"), ([[0, 1023]], 1024, "uint16")],
)
def test_levels_that_are_said(x, levels, expected, tmp_path):
    path = saved(tmp_path, np.array(x))
    read = read_array(path, levels=levels).x
    assert (read.dtype, read.tolist()) == (expected, x)
    with pytest.raises(ValueError, match=rf"1 values outside 0 \.\. {levels - 2}"):
        read_array(path, levels=levels - 1)


def test_levels_that_there_are_not(tmp_path):
    path = saved(tmp_path, np.array([[0.5, 1.0]]))
    with pytest.raises(ValueError, match="x has fractions, and integers of 2 levels are needed"):
        read_array(path, levels=2)
    path = saved(tmp_path, np.array([[0, 1]]))
    with pytest.raises(ValueError, match=r"dtype int64, and floats \(levels=1\) are needed: conv"):
        read_array(path, levels=1)
    for levels in (0, -1, 65537):
        with pytest.raises(ValueError, match=rf"levels={levels} was given, and 1 \.\. 65536 are"):
            read_array(path, levels=levels)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (
            [[0, 3], [256, 1]],
            r"has 1 values outside 0 \.\. 255, the first, 256, at index \(1, 0\): say levels=257",
        ),
        ([[9, -3]], r"has 1 values outside 0 \.\. 255, the first, -3, .*e\.g\. x - \(-3\)"),
        ([[0, 70000]], r"has 1 values outside .*: divide by the largest, as floats in \[0, 1\]"),
        (
            [[0.5, 0.5], [0.5, -2.0]],
            r"has 1 values outside -1 \.\. 1, the first, -2\.0, at index \(1, 1\): floats in \[-1, "
            r"1\] are read too; .* x \* scale \+ mean.*, here -2 \.\. 0\.5, to \[0, 1\] by \(x",
        ),
        ([[0.5, 2.5]], r"has 1 values outside 0 \.\. 1, .*: divide by the largest that there can"),
        ([[0.0, 16.0]], r"has 1 values outside 0 \.\. 1, .*: they are whole.* say levels=256"),
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


@pytest.mark.parametrize("label", [np.arange(4), np.eye(5, dtype=int), np.arange(5.0)])
def test_labels_are_checked(label, tmp_path):
    np.savez(tmp_path / "a.npz", x=BYTES, label=label)
    message = r"a\.npz: label is .*one integer for each of the 5 examples is needed, \[5\]"
    with pytest.raises(ValueError, match=message):
        read_array(tmp_path / "a.npz")


def test_a_column_of_labels_is_as_good(tmp_path):
    np.savez(tmp_path / "a.npz", x=BYTES, label=np.arange(5)[:, None])
    assert read_array(tmp_path / "a.npz").label.tolist() == [0, 1, 2, 3, 4]


def test_labels_that_do_not_fit_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=BYTES, label=np.arange(5) + 2**31 - 4)
    with pytest.raises(ValueError, match=r"1 values outside .*2147483648, at index \(4,\)"):
        read_array(tmp_path / "a.npz")
