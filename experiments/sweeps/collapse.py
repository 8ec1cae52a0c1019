"""Posterior collapse, seen and cured: digits by a PixelCNN that can do without z.

Each pixel is drawn given z and all pixels before it, so that the decoder models the digits well
whatever z is. With the rate at weight 1 from the first step the posteriors go to the prior, and
stay there. Beside it are remedies, trained from the same first parameters: the bound is scored at
weight 1 always.

With beta = 1 from the start the rate was 0.05 nats and no unit active, and -ELBO 23.24; with a
warm-up 3.52, 8 units and 23.40, and with 4 nats free 4.09, 8 units and 23.50 (60 passes, one seed,
12 minutes on two shared cores, November 2026).

  python -m experiments.sweeps.collapse --out FOLDER

Reference: Bowman et al. 2016, arXiv 1511.06349 (seen, warm-up); Kingma et al. 2016,
arXiv 1606.04934 (free bits).
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import optax
import tyro

from experiments.sweeps import kept
from experiments.sweeps.training import Digits, How, Point, digits, point, trained
from vae_jax import (
    Step,
    Term,
    descend,
    distortion,
    figures,
    free_bits,
    rate,
    standard_gaussian,
    vae,
    weighted_sum,
)
from vae_jax.models import VAE
from vae_jax.networks import (
    MLP,
    AutoregressiveHead,
    BernoulliHead,
    GatedPixelCNN,
    GaussianHead,
    Network,
)
from vae_jax.train import Metrics

_HEAD = "| what is descended | -ELBO | distortion | rate | I(n; z) | KL(q(z) to p(z)) | active |"
HOW = How(epochs=60, hidden=(128,))


class Size(NamedTuple):
    """Of the decoder and of z, and of the remedies: steps of the warm-up, and nats that are free.

    Fields:
      latents: dimensions of z.
      width, layers: of the PixelCNN, which with 4 layers sees the whole image.
      warmup: a share of all steps.
      nats: free, of the whole rate.
    """

    latents: int = 8
    width: int = 16
    layers: int = 4
    warmup: float = 0.5
    nats: float = 4.0


class Seen(NamedTuple):
    """One way to train.

    Fields:
      name: what is descended.
      scores: on the test images, the rate at weight 1.
      rates: the mean rate of each epoch of training, nats.
    """

    name: str
    scores: Point
    rates: list[float]


def model_of(size: Size, hidden: tuple[int, ...]) -> VAE:
    """Dense layers to z, and from z to what every pixel of a PixelCNN is told."""
    network = GatedPixelCNN(size.width, size.layers)
    return vae(
        Network(MLP(hidden), GaussianHead((size.latents,))),
        Network(MLP(hidden), AutoregressiveHead(network, BernoulliHead((8, 8, 1)))),
        standard_gaussian(size.latents),
    )


def objectives(size: Size, steps: int) -> dict[str, tuple[Term, ...]]:
    """What is descended, by name."""
    x_given_z, warm = Term("distortion", distortion), round(size.warmup * steps)
    return {
        "beta = 1 from the start": (x_given_z, Term("rate", rate)),
        f"beta from 0 to 1 in {warm:,} steps": (
            x_given_z,
            Term("rate", rate, optax.linear_schedule(0.0, 1.0, warm)),
        ),
        f"{size.nats:g} nats free": (
            x_given_z,
            Term("rate", rate, 0.0),
            Term("free_bits", free_bits(size.nats, of=rate)),
        ),
    }


def seen(name: str, terms: tuple[Term, ...], images: Digits, how: How, size: Size) -> Seen:
    """Train one way, and score it."""
    model, rates = model_of(size, how.hidden), list[float]()

    def make(value: Any, optimizer: optax.GradientTransformation) -> Step:
        del value
        return descend(weighted_sum(model, terms), optimizer)

    def watch(metrics: Metrics) -> None:
        rates.append(float(np.mean(metrics["rate"])))

    (params,) = trained(make, (1.0,), model, images, how, watch)
    return Seen(name, point(1.0, model, params, images, how.seed), rates)


def table(found: Sequence[Seen]) -> str:
    """A row for each way, as Markdown; nats."""
    lines = [f"| {s.name} | {kept.cells(s.scores)} |" for s in found]
    return "\n".join([_HEAD, "|" + " --- |" * (_HEAD.count("|") - 1), *lines])


def load(path: Path) -> list[Seen]:
    """What was kept."""
    found = json.loads(path.read_text(encoding="utf-8"))["points"]
    return [Seen(s["name"], Point(**s["scores"]), s["rates"]) for s in found]


def draw(path: Path, found: Sequence[Seen]) -> None:
    """The rate by epoch, a line for each way; and what z tells at the end."""
    figure = figures.new(width=9, height=3.2)
    curve, told = figure.subplots(1, 2, width_ratios=(2, 1))
    for s in found:
        curve.plot(range(1, len(s.rates) + 1), s.rates, label=s.name)
    curve.set(xlabel="epoch", ylabel="rate in training, nats", ylim=(0, None))
    curve.legend(frameon=False, fontsize=8)
    places = range(len(found))
    told.barh(places, [s.scores.information for s in found], color=_colours(len(found)))
    told.set(xlabel="I(n; z) at the end, nats", yticks=[])
    told.invert_yaxis()
    for axes in (curve, told):
        axes.spines[["top", "right"]].set_visible(False)
    figures.save(figure, path)


def _colours(number: int) -> list[str]:
    """Those of the lines."""
    return [f"C{n}" for n in range(number)]


def main(
    how: How = HOW,
    size: Size = Size(),  # noqa: B008
    out: Path = Path("results"),
) -> list[Seen]:
    """Train with beta = 1 from the start, and by remedies, and draw the rates.

    Args:
      how: How long, and how large the dense layers.
      size: Of the rest, and of the remedies.
      out: Folder of collapse.json and .png.
    """
    start, images = time.perf_counter(), digits(how.seed)
    steps = how.epochs * (len(images.train["x"]) // how.batch_size)
    found = [seen(*way, images, how, size) for way in objectives(size, steps).items()]
    options = kept.options(how=how, size=size)
    numbers = [{**s._asdict(), "scores": s.scores._asdict()} for s in found]
    kept.write(out, "collapse", options, numbers, time.perf_counter() - start)
    draw(out / "collapse.png", found)
    print(table(found))
    return found


if __name__ == "__main__":
    tyro.cli(main, prog="python -m experiments.sweeps.collapse")
    sys.exit()
