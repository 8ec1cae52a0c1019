"""Images in files: decoded to bytes, of one size."""

from collections.abc import Iterable

import numpy as np

from vae_jax.data.dataset import Split
from vae_jax.data.image_files import find_images
from vae_jax.data.paths import Given
from vae_jax.data.pixels import decode_image


def read_images(folder: Given) -> Split:
    """Read a folder of PNG and JPEG images into memory.

    Either the images lie in the folder itself, or each of its subfolders with images is a class;
    deeper folders, hidden ones and files of other suffixes are passed over (`find_images` counts
    them). Each image is as a viewer shows it: turned as its EXIF orientation says, white behind
    what is transparent, of an animation the first picture. A grey image (1-bit too) has C = 1, any
    other C = 3.

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


def _show(shape: tuple[int, ...]) -> str:
    height, width, channels = shape
    return f"{height}x{width} with {channels} channel{'s' if channels > 1 else ''}"
