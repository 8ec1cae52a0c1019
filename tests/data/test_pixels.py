"""Pixels as a viewer shows them, or an error: never other pixels in silence."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from vae_jax.data.pixels import decode_image

SHADES = np.arange(0, 240, 20, dtype=np.uint8).reshape(3, 4)


def encoded(image, kind="PNG", **options):
    file = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(file, kind, **options)
    return file.getvalue()


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def chunk(kind, content):
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))


@pytest.mark.parametrize("orientation", range(10))
def test_orientation(orientation):
    """0 and 9 are none; of the others Pillow has its own turning."""
    content = encoded(SHADES, exif=turned(orientation))
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))))
    np.testing.assert_array_equal(decode_image(content, "a.png")[..., 0], expected)
    assert np.array_equal(expected, SHADES) == (orientation in (0, 1, 9))


def test_a_photograph_that_lies_on_its_side():
    """6: the first row is the right side."""
    wide = np.kron(SHADES, np.ones((8, 8), np.uint8))
    content = encoded(wide, "JPEG", exif=turned(6))
    made = decode_image(content, "a.jpg")
    assert made.shape == (32, 24, 1)
    # smooth within blocks of JPEG: what it loses is a few of 255
    np.testing.assert_allclose(made[..., 0], np.rot90(wide, -1), atol=8)


def test_damaged_exif_turns_nothing():
    for exif in (b"II*\0", b"\xff" * 40, b"MM\0*\0\0\0\x08\0\1\x01\x12"):
        made = decode_image(encoded(SHADES, exif=b"Exif\0\0" + exif), "a.png")
        np.testing.assert_array_equal(made[..., 0], SHADES)


def test_of_an_animation_the_first_picture():
    more = [Image.fromarray(255 - SHADES)]
    content = encoded(SHADES, save_all=True, append_images=more)
    np.testing.assert_array_equal(decode_image(content, "a.png")[..., 0], SHADES)
    content = encoded(np.full((8, 8), 40, np.uint8), "MPO", save_all=True, append_images=more)
    np.testing.assert_allclose(decode_image(content, "a.jpg"), 40, atol=2)


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "WEBP", "PPM", "EPS", "ICO"])
def test_another_format_under_the_name_of_png(kind, monkeypatch):
    """PostScript is a program, that Pillow would hand to Ghostscript."""
    ran = []
    monkeypatch.setattr("subprocess.Popen", lambda *args, **options: ran.append(args))
    content = encoded(Image.fromarray(np.zeros((16, 16, 3), np.uint8)), kind)
    with pytest.raises(ValueError, match=r"a\.png cannot be decoded: .* no image"):
        decode_image(content, "a.png")
    assert not ran


def test_a_flipped_bit_of_a_png_gives_no_other_pixels():
    colours = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 0, 0]]], np.uint8)
    for image in (SHADES, Image.fromarray(colours).quantize(3)):
        content = encoded(image)
        for place in range(8 * len(content)):
            damaged = bytearray(content)
            damaged[place // 8] ^= 1 << place % 8
            with pytest.raises(ValueError, match="a cannot be decoded"):
                decode_image(bytes(damaged), "a")


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_file_cut_anywhere_is_refused(kind):
    content = encoded(np.kron(SHADES, np.ones((4, 4), np.uint8)), kind)
    for length in range(len(content)):
        with pytest.raises(ValueError, match="a cannot be decoded"):
            decode_image(content[:length], "a")


def test_what_stands_behind_the_end_is_no_part_of_a_png():
    content = encoded(SHADES) + b"a note"
    np.testing.assert_array_equal(decode_image(content, "a.png")[..., 0], SHADES)


def test_a_large_image_is_read_without_a_warning(monkeypatch):
    """Pillow warns of more than so many pixels, and raises of twice as many."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 3)
    np.testing.assert_array_equal(decode_image(encoded(SHADES), "a.png")[..., 0], SHADES)


def test_more_pixels_than_memory_are_refused_before_they_are_decoded():
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    with pytest.raises(ValueError, match=r"20000x20000 are more than 180,000,000 pixels"):
        decode_image(b"\x89PNG\r\n\x1a\n" + content, "a.png")
