"""Images in files: found in a folder, decoded to bytes, of one size."""

import io
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vae_jax.data.dataset import Split

_SUFFIXES = (".png", ".jpg", ".jpeg")
_GREY = ("1", "L", "LA")  # Pillow's names of what a pixel is
_COLOUR = ("P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")


class ImageFiles(NamedTuple):
    """The image files of a folder, sorted by path.

    Fields:
      paths: the N files.
      label: int32 [N], which of `classes` each is of; None where the folder has no subfolders.
      classes: the sorted names of the subfolders.
    """

    paths: list[Path]
    label: np.ndarray | None
    classes: tuple[str, ...]


def read_images(folder: str | os.PathLike[str]) -> Split:
    """Read a folder of PNG and JPEG images into memory.

    Either the images lie in the folder itself, or each of its subfolders with images is a class;
    deeper folders, hidden ones and files of other suffixes are passed over. A grey image (1-bit
    too) has C = 1, any other C = 3; what is transparent shows white behind it.

    Args:
      folder: of .png, .jpg and .jpeg files.

    Returns:
      A Split sorted by path: x uint8 [N, H, W, C]; label int32 [N], the place of the subfolder
      among their sorted names, or None.

    Raises:
      FileNotFoundError: there is no such folder, or no image in it.
      ValueError: it is no folder; an image is damaged, has more than 8 bits, or is of another size
        or number of channels than the first; images lie in the folder and in subfolders.
    """
    files = find_images(folder)
    encoded = ((str(path), path.read_bytes()) for path in files.paths)
    return Split(stack_images(encoded, len(files.paths)), files.label)


def find_images(folder: str | os.PathLike[str]) -> ImageFiles:
    """The image files of a folder; raises as `read_images` does, but opens none of them."""
    folder = _check_folder(folder)
    here = _images_in(folder)
    found = {path.name: _images_in(path) for path in subfolders(folder)}
    classes = {name: paths for name, paths in found.items() if paths}
    if not here and not classes:
        raise FileNotFoundError(
            f"{folder} holds no image: no {', '.join(_SUFFIXES)} file lies in it or in its"
            " subfolders (one level). Convert other formats to PNG."
        )
    if not classes:
        return ImageFiles(here, None, ())
    if here:
        raise ValueError(
            f"{folder} holds images ({here[0].name}) and a subfolder with images"
            f" ({next(iter(classes))}): a subfolder is a class, so every image needs one, or none."
            " Move them."
        )
    paths = [path for members in classes.values() for path in members]
    sizes = [len(members) for members in classes.values()]
    return ImageFiles(paths, np.repeat(np.arange(len(sizes), dtype=np.int32), sizes), (*classes,))


def subfolders(folder: Path) -> list[Path]:
    """The subfolders, sorted, hidden ones left out."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")


def stack_images(encoded: Iterable[tuple[str, bytes]], count: int) -> np.ndarray:
    """Decode `count` images of one size, each given as (what to call it, its file's content).

    Returns:
      uint8 [count, H, W, C].

    Raises:
      ValueError: an image is damaged, or is of another size than the first.
    """
    x, first = np.empty(0, np.uint8), ""
    for i, (what, content) in enumerate(encoded):
        image = decode_image(content, what)
        if i == 0:
            x, first = np.empty((count, *image.shape), np.uint8), what
        check_size(image, what, x.shape[1:], first)
        x[i] = image
    return x


def check_size(image: np.ndarray, what: str, shape: tuple[int, ...], first: str) -> None:
    """ValueError unless the image has the shape [H, W, C] of the first."""
    if image.shape != shape:
        raise ValueError(
            f"{what} is {_show(image.shape)}, and {first} is {_show(shape)}: images of one size and"
            " one number of channels are needed. Resize or convert them first, e.g. with"
            " PIL.Image.resize and .convert."
        )


def decode_image(content: bytes, what: str) -> np.ndarray:
    """The pixels of a PNG or JPEG file.

    Args:
      content: of the file.
      what: what to call it in a message.

    Returns:
      uint8 [H, W, 1] of a grey image, [H, W, 3] of any other.

    Raises:
      ValueError: it is no image, or damaged, or has pixels of more than 8 bits.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError) as error:
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
    return pixels.reshape(*pixels.shape[:2], -1)


def _over_white(image: Any) -> Any:
    # Dropping the alpha channel instead would show the colours under what is transparent.
    from PIL import Image

    if "A" not in image.getbands() and "transparency" not in image.info:
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)


def _check_folder(folder: str | os.PathLike[str]) -> Path:
    folder = Path(folder).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise ValueError(f"{folder} is a file, and a folder of PNG or JPEG images is needed.")
    raise FileNotFoundError(f"There is no folder {folder}; needed is one of PNG or JPEG images.")


def _images_in(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in _SUFFIXES and path.name[0] != "." and path.is_file()
    )


def _show(shape: tuple[int, ...]) -> str:
    height, width, channels = shape
    return f"{height}x{width} with {channels} channel{'s' if channels > 1 else ''}"
