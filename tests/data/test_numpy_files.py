"""Files of numpy: damaged, of other kinds, and those whose headers lie."""

import io
import struct
import zipfile

import numpy as np
import pytest

from vae_jax.data import open_array, read_array

BYTES = np.random.default_rng(0).integers(0, 256, (5, 3, 4), dtype=np.uint8)


def saved(folder, x):
    np.save(folder / "x.npy", x)
    return folder / "x.npy"


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


def npy(shape, descr="|u1", content=b"\7" * 12):
    """An .npy whose header says what one likes."""
    header = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + content


LIES = [
    "(1000000, 1000000)",
    "(-3, -4)",
    "(True, 12)",
    "(10**30,)",
    f"({10**30}, 1)",
    f"({10**30}, 0)",
    "(3, 5)",
    "(3, 3)",
    "(3.0, 4)",
    "12",
    "None",
    "(" * 900 + ")" * 900,
]


def zipped(path, content, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("x.npy", content)
    return path


@pytest.mark.parametrize("shape", LIES)
def test_headers_that_lie(shape, tmp_path):
    path = tmp_path / "x.npy"
    path.write_bytes(npy(shape))
    for reader in (read_array, open_array):
        with pytest.raises(ValueError, match=r"x\.npy is damaged.*\(its header .*Save it again"):
            reader(path)
    with pytest.raises(ValueError, match=r"x\.npz is damaged.*\(its header .*Save it again"):
        read_array(zipped(tmp_path / "x.npz", npy(shape)))


def test_a_header_that_does_not_lie(tmp_path):
    (tmp_path / "x.npy").write_bytes(npy("(3, 4)"))
    for path in (tmp_path / "x.npy", zipped(tmp_path / "x.npz", npy("(3, 4)"))):
        assert read_array(path).x.tolist() == [[7] * 4] * 3


@pytest.mark.parametrize("descr", ["|V1000000000", "<U4000000", "nothing", "|O", 3])
def test_types_that_lie(descr, tmp_path):
    (tmp_path / "x.npy").write_bytes(npy("(3, 4)", descr))
    with pytest.raises(ValueError, match=r"x\.npy (is damaged|holds Python objects)"):
        read_array(tmp_path / "x.npy")


def test_what_follows_a_whole_array_is_not_passed_over(tmp_path):
    with (tmp_path / "x.npy").open("wb") as file:
        np.save(file, BYTES)
        np.save(file, BYTES)
    with pytest.raises(ValueError, match=r"declares uint8 \[5, 3, 4\], 60 bytes, and 248 follow"):
        read_array(tmp_path / "x.npy")


def test_an_archive_that_declares_more_than_it_can_hold(tmp_path):
    """Two headers and a directory say 40 GB, of some hundred bytes: nothing is allocated."""
    big = 40 * 2**30
    path = zipped(tmp_path / "x.npz", npy(f"({big}, 1)", content=b"\7" * 5000))
    content = bytearray(path.read_bytes())
    size = struct.pack("<I", len(npy(f"({big}, 1)")) - 12 + 5000)
    assert content.count(size) == 2
    path.write_bytes(content.replace(size, struct.pack("<I", 2**32 - 2)))
    with pytest.raises(ValueError, match=r"x\.npy declares 4,294,967,294 bytes, and .* at most"):
        read_array(path)


def test_an_archive_compressed_otherwise(tmp_path):
    path = zipped(tmp_path / "x.npz", npy("(3, 4)"), zipfile.ZIP_BZIP2)
    with pytest.raises(ValueError, match="compressed in a way that numpy never does"):
        read_array(path)


def test_an_archive_of_other_things(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.txt", "no array")
    with pytest.raises(ValueError, match="it holds no array"):
        read_array(tmp_path / "x.npz")


def test_arrays_in_the_order_of_fortran(tmp_path):
    x = np.asfortranarray(BYTES[0])
    np.testing.assert_array_equal(read_array(saved(tmp_path, x)).x, x)
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, x, version=(3, 0))
    (tmp_path / "x.npy").write_bytes(buffer.getvalue())
    np.testing.assert_array_equal(read_array(tmp_path / "x.npy").x, x)
