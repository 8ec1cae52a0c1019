"""The pixels of an image file, as a viewer shows them."""

import io
import struct
from typing import Any

import numpy as np

from vae_jax.data.png import SIGNATURE, check_chunks

_GREY = ("1", "L", "LA")  # Pillow's names of what a pixel is
_COLOUR = ("P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
_MOST_PIXELS = 180_000_000  # half a GB of colour; a file of a few bytes can declare any size
_ORIENTATION = 0x0112  # of the EXIF tags
# by EXIF orientation: whether rows and columns are exchanged, and then in which order each is read
_TURNS = {
    2: (False, 1, -1),
    3: (False, -1, -1),
    4: (False, -1, 1),
    5: (True, 1, 1),
    6: (True, 1, -1),
    7: (True, -1, -1),
    8: (True, -1, 1),
}


def decode_image(content: bytes, what: str) -> np.ndarray:
    """The pixels of a PNG or JPEG file, as a viewer shows them.

    It is turned as its EXIF orientation says; what is transparent shows white behind it; of an
    animation it is the first picture. A colour profile is not applied.

    Args:
      content: of the file.
      what: what to call it in a message.

    Returns:
      uint8 [H, W, 1] of a grey image, [H, W, 3] of any other.

    Raises:
      ValueError: it is no image, or damaged, or has pixels of more than 8 bits, or more of them
        than fit in half a GB of colour.
    """
    try:
        image = open_image(content)
        image.load()
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise ValueError(
            f"{what} cannot be decoded: it is damaged, cut short, or no image ({error}). Get it"
            " again, or leave it out."
        ) from error
    # PNG says its bits a channel in byte 24; pillow cuts colours of 16 bits to 8 and says nothing
    if image.mode not in _GREY + _COLOUR or (image.format == "PNG" and content[24] == 16):
        raise ValueError(
            f"{what} has pixels of mode {image.mode}, and 8 bits a channel, grey or colour, are"
            " needed. Convert it, or save the intensities / their largest as floats in a .npy."
        )
    pixels = np.asarray(_over_white(image).convert("L" if image.mode in _GREY else "RGB"))
    return _upright(pixels.reshape(*pixels.shape[:2], -1), _orientation(image))


def open_image(content: bytes) -> Any:
    """A PNG or JPEG file as Pillow's image, not yet decoded.

    The reader is chosen here: Pillow's own choice goes by the content alone, and hands PostScript
    that is called .png to Ghostscript, a program.
    """
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile

    if content.startswith(SIGNATURE):
        check_chunks(content)
        image: Any = PngImageFile(io.BytesIO(content))
    else:
        image = JpegImageFile(io.BytesIO(content))
    if image.width * image.height > _MOST_PIXELS:
        raise ValueError(f"{image.width}x{image.height} are more than {_MOST_PIXELS:,} pixels")
    return image


def _orientation(image: Any) -> int:
    """What the EXIF data of a decoded image say; 1, upright, where they are damaged."""
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a parser of a dozen kinds of damage, none of which a viewer minds
        return 1


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """[H, W, C], or [W, H, C], as it is to be seen."""
    exchanged, rows, columns = _TURNS.get(orientation, (False, 1, 1))
    pixels = pixels.swapaxes(0, 1) if exchanged else pixels
    return pixels[::rows, ::columns]


def _over_white(image: Any) -> Any:
    # Dropping the alpha channel instead would show the colours under what is transparent.
    from PIL import Image

    if "A" not in image.getbands() and "transparency" not in image.info:
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
