"""Rate and distortion of the digits by the number of latents.

Arrays of several shapes are no members of one program: all have 32 latents, of which a mask leaves
the first D. The rest of q(z|x) is the prior, which costs nothing, and the decoder is given zeros
there. So each is a model of D latents; but for the first layer of its decoder, whose weights begin
as those of 32 inputs do, smaller by sqrt(D / 32).

-ELBO was 25.04 with one latent, 23.14 with 4, 23.16 with 8, of which 6 are active, and 24.56 with
32, of which 3 are (one seed, 148 s on two shared cores, November 2026).

  python -m experiments.sweeps.digits_latents --out FOLDER
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import optax
import tyro

from experiments.sweeps import kept
from experiments.sweeps.training import Digits, How, Point, digits, model_of, point, trained
from vae_jax import Gaussian, Step, descend, weighted_sum
from vae_jax.models import VAE
from vae_jax.types import Array, Event, Key, Params

SIZES = (1, 2, 4, 8, 16, 32)


def first(model: VAE, mask: Array) -> VAE:
    """The model of the latents where the mask is 1, the prior of the rest being N(0, I)."""

    def encode(params: Params, x: Event, c: Event = None, key: Key | None = None) -> Gaussian:
        q: Any = model.encode(params, x, c, key)
        return Gaussian(q.loc * mask, q.log_scale * mask)

    def decode(params: Params, z: Array, c: Event = None, key: Key | None = None) -> Any:
        return model.decode(params, z * mask, c, key)

    return model._replace(encode=encode, decode=decode)


def train(images: Digits, how: How, sizes: Sequence[int] = SIZES) -> tuple[list[VAE], list[Params]]:
    """A model for each number of latents, and its parameters."""
    whole = model_of(max(sizes), how.hidden)
    masks = [(jnp.arange(max(sizes)) < size).astype(jnp.float32) for size in sizes]

    def make(mask: Any, optimizer: optax.GradientTransformation) -> Step:
        return descend(weighted_sum(first(whole, mask)), optimizer)

    each = trained(make, masks, whole, images, how)
    return [first(whole, mask) for mask in masks], each


def main(
    sizes: tuple[int, ...] = SIZES,
    how: How = How(),  # noqa: B008
    out: Path = Path("results"),
) -> list[Point]:
    """Train the digits with several numbers of latents, and draw rate and distortion.

    Args:
      sizes: Numbers of latents.
      how: How long, and how large.
      out: Folder of digits_latents.json and .png.
    """
    start, images = time.perf_counter(), digits(how.seed)
    made = zip(sizes, *train(images, how, sizes), strict=True)
    points = [point(size, model, params, images, how.seed) for size, model, params in made]
    options = kept.options(sizes=sizes, how=how)
    numbers = [p._asdict() for p in points]
    kept.write(out, "digits_latents", options, numbers, time.perf_counter() - start)
    kept.draw(out / "digits_latents.png", "latents", points)
    print(kept.table("latents", points))
    return points


if __name__ == "__main__":
    tyro.cli(main, prog="python -m experiments.sweeps.digits_latents")
    sys.exit()
