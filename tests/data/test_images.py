"""Folders of images: what is decoded, in which order, and what is refused."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from vae_jax.data import read_images

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (4, 6), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (4, 6, 3), dtype=np.uint8)


def save(path, pixels=GREY, mode=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    (image if mode is None else image.convert(mode)).save(path)
    return path


def test_a_folder_sorted_by_path(tmp_path):
    for name, value in (("b.png", 1), ("a.PNG", 2), ("c.png", 3)):
        save(tmp_path / name, np.full((4, 6), value, np.uint8))
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / ".hidden.png").write_bytes(b"nor this")
    (tmp_path / "empty").mkdir()
    split = read_images(tmp_path)
    assert split.x.shape == (3, 4, 6, 1)
    assert split.x.dtype == np.uint8
    assert split.x[:, 0, 0, 0].tolist() == [2, 1, 3]
    assert split.label is None


def test_subfolders_are_classes(tmp_path):
    for name, value in (("dog/z.png", 1), ("cat/b.png", 2), ("dog/a.png", 3), ("ant/q.png", 4)):
        save(tmp_path / name, np.full((2, 2, 3), value, np.uint8))
    (tmp_path / "bee").mkdir()  # without an image it is no class
    save(tmp_path / ".cache" / "a.png")
    save(tmp_path / "dog" / "deeper" / "a.png")
    split = read_images(str(tmp_path))
    assert split.x[:, 0, 0, 0].tolist() == [4, 2, 3, 1]
    assert split.label.tolist() == [0, 1, 2, 2]
    assert split.label.dtype == np.int32


def test_pixels_of_png(tmp_path):
    save(tmp_path / "grey" / "a.png")
    save(tmp_path / "colour" / "a.png", COLOUR)
    np.testing.assert_array_equal(read_images(tmp_path / "grey").x, GREY[None, ..., None])
    np.testing.assert_array_equal(read_images(tmp_path / "colour").x, COLOUR[None])


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG"])
def test_pixels_of_jpeg(name, tmp_path):
    smooth = np.broadcast_to(np.arange(0, 160, 20, dtype=np.uint8), (8, 8))
    save(tmp_path / name, smooth)
    # of a smooth image, what JPEG loses is a few of 255
    np.testing.assert_allclose(read_images(tmp_path).x[0, ..., 0], smooth, atol=8)


@pytest.mark.parametrize(
    ("mode", "channels"), [("1", 1), ("L", 1), ("LA", 1), ("P", 3), ("RGB", 3), ("RGBA", 3)]
)
def test_every_mode_becomes_bytes_of_one_or_three_channels(mode, channels, tmp_path):
    ink = np.zeros((4, 6), np.uint8)
    ink[1, 2] = 255
    save(tmp_path / "a.png", ink, mode)
    expected = np.broadcast_to(ink[None, ..., None], (1, 4, 6, channels))
    np.testing.assert_array_equal(read_images(tmp_path).x, expected)


def test_a_palette_gives_its_colours(tmp_path):
    colours = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 0, 0]]], np.uint8)
    save(tmp_path / "a.png", Image.fromarray(colours).quantize(3))
    np.testing.assert_array_equal(read_images(tmp_path).x[0], colours)


def test_cmyk_becomes_colour(tmp_path):
    save(tmp_path / "a.jpg", np.full((8, 8, 3), 200, np.uint8), "CMYK")
    x = read_images(tmp_path).x
    assert x.shape == (1, 8, 8, 3)
    np.testing.assert_allclose(x, 200, atol=4)  # JPEG again


def test_what_is_transparent_shows_white(tmp_path):
    pixels = np.full((1, 3, 4), 40, np.uint8)
    pixels[0, :, 3] = 0, 51, 255  # alpha: none of it, a fifth, all
    save(tmp_path / "rgba" / "a.png", pixels)
    # 255 + alpha (40 - 255), alpha 0, 1/5, 1
    assert read_images(tmp_path / "rgba").x[0, 0].tolist() == [[255] * 3, [212] * 3, [40] * 3]
    grey = Image.fromarray(np.array([[10, 20]], np.uint8))
    path = tmp_path / "named"
    path.mkdir()
    grey.save(path / "a.png", transparency=10)
    assert read_images(path).x[0, 0].tolist() == [[255], [20]]


def test_no_folder_no_image(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no folder .*/nowhere; needed is one of"):
        read_images(tmp_path / "nowhere")
    (tmp_path / "a.webp").write_bytes(b"")
    nothing = r"holds no image: no \.png, \.jpg, \.jpeg file.* \(one level\)\. "
    with pytest.raises(FileNotFoundError, match=nothing + r"What there is, 1 \.webp, is not read"):
        read_images(tmp_path)
    for place in ("a/b/c", "a/b"):
        save(tmp_path / place / "d.png")
        message = rf"{nothing}Deeper there is {tmp_path}/{place}/d\.png: name the folder that"
        with pytest.raises(FileNotFoundError, match=message):
            read_images(tmp_path)
    with pytest.raises(ValueError, match=r"a\.webp is a file, and a folder of PNG or JPEG"):
        read_images(tmp_path / "a.webp")


def cut(content):
    return content[: len(content) - len(content) // 3]


@pytest.mark.parametrize("damage", [cut, lambda content: content[:20], lambda content: b"no image"])
@pytest.mark.parametrize("name", ["b.png", "b.jpg"])
def test_a_damaged_image_is_named(name, damage, tmp_path):
    save(tmp_path / "a.png", RNG.integers(0, 256, (30, 30), dtype=np.uint8))
    path = save(tmp_path / name, RNG.integers(0, 256, (30, 30), dtype=np.uint8))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=rf"{path} cannot be decoded: .*leave it out"):
        read_images(tmp_path)


@pytest.mark.parametrize("at", [20, 60])
def test_a_flipped_byte_is_noticed(at, tmp_path):
    """PNG has check sums: of its header, and of its pixels."""
    path = save(tmp_path / "a.png", RNG.integers(0, 256, (30, 30), dtype=np.uint8))
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{path} cannot be decoded"):
        read_images(tmp_path)


def test_sixteen_bits_are_refused(tmp_path):
    save(tmp_path / "a.png", np.array([[0, 65535]], np.uint16))
    with pytest.raises(ValueError, match=r"a\.png has pixels of mode I;16, and 8 bits a channel"):
        read_images(tmp_path)


def test_sixteen_bits_of_colour_are_refused(tmp_path):
    """Pillow would give their upper halves, as bytes; it writes none, so this is written here."""

    def chunk(kind, content):
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    row = b"\0" + struct.pack(">6H", 300, 600, 900, 1, 2, 3)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    with pytest.raises(ValueError, match=r"a\.png has pixels of .* and 8 bits a channel"):
        read_images(tmp_path)


@pytest.mark.parametrize(
    ("other", "shown"), [(COLOUR, "4x6 with 3 channels"), (GREY.T, "6x4 with 1 channel,")]
)
def test_mixed_images_are_refused(other, shown, tmp_path):
    save(tmp_path / "a.png")
    save(tmp_path / "b.png", other)
    message = rf"b\.png is {shown}.*a\.png is 4x6 with 1 channel: .* Resize or convert"
    with pytest.raises(ValueError, match=message):
        read_images(tmp_path)


def test_images_beside_classes_are_refused(tmp_path):
    save(tmp_path / "a.png")
    save(tmp_path / "cat" / "b.png")
    message = r"holds images \(a\.png\) and a subfolder with images \(cat\): .* Move them"
    with pytest.raises(ValueError, match=message):
        read_images(tmp_path)
