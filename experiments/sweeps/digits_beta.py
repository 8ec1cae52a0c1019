"""Rate and distortion of the digits by beta: from an autoencoder to one that says nothing.

    loss = distortion + beta rate

Eight betas are trained at once, from the same parameters and by the same draws, and each is scored
by the bound at weight 1. At beta = 0 nothing holds the posteriors together: the rate is what it
comes to be, and the samples from the prior are of places that no image is encoded to. From some
beta on no unit is worth its rate.

-ELBO was 66.3 at beta = 0, where the rate is 53.6, best at beta = 1, 23.15 with a rate of 4.6 and 7
active units of 8, and 27.17 from beta = 4 on, without a rate or an active unit (one seed, 44 s on
two shared cores, November 2026).

  python -m experiments.sweeps.digits_beta --out FOLDER
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import optax
import tyro

from experiments.sweeps import kept
from experiments.sweeps.training import Digits, How, Point, digits, model_of, point, trained
from vae_jax import Step, Term, descend, distortion, generate, rate, weighted_sum
from vae_jax.checks import seeded
from vae_jax.models import VAE
from vae_jax.types import Params

BETAS = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
LATENTS, SAMPLES = 8, 12


def train(
    images: Digits, how: How, betas: Sequence[float], latents: int = LATENTS
) -> tuple[VAE, list[Params]]:
    """The model, and the parameters for each beta."""
    model = model_of(latents, how.hidden)

    def make(beta: Any, optimizer: optax.GradientTransformation) -> Step:
        terms = (Term("distortion", distortion), Term("rate", rate, beta))
        return descend(weighted_sum(model, terms), optimizer)

    return model, trained(make, betas, model, images, how)


def main(
    betas: tuple[float, ...] = BETAS,
    how: How = How(),  # noqa: B008
    out: Path = Path("results"),
) -> list[Point]:
    """Train the digits at several betas, and draw rate and distortion.

    Args:
      betas: Weights of the rate.
      how: How long, and how large.
      out: Folder of digits_beta.json, .png, and _samples.png.
    """
    start, images = time.perf_counter(), digits(how.seed)
    model, each = train(images, how, betas)
    points = [
        point(beta, model, params, images, how.seed)
        for beta, params in zip(betas, each, strict=True)
    ]
    options = kept.options(betas=betas, how=how)
    numbers = [p._asdict() for p in points]
    kept.write(out, "digits_beta", options, numbers, time.perf_counter() - start)
    kept.draw(out / "digits_beta.png", "beta", points)
    key = jax.random.fold_in(seeded(how.seed), 3)
    rows = [generate.sample(model, params, key, SAMPLES) for params in each]
    kept.draw_samples(out / "digits_beta_samples.png", "beta", betas, rows)
    print(kept.table("beta", points))
    return points


if __name__ == "__main__":
    tyro.cli(main, prog="python -m experiments.sweeps.digits_beta")
    sys.exit()
