"""The gradient that reaches the first layer, by depth: with and without residual connections.

An encoder of 3x3 convolutions of the digits, two for each block, at its first values: the norm of
the gradient of -ELBO in the kernel of the first. Blocks that are added to their input begin as the
identity; without the sum, each layer hands on what its initialiser lets through.

With the sum the norm was 7.8 at every depth; without, from 1 block to 32, by He's initialiser 11 to
0.31, and up to 160 between, by LeCun's 2.9 to 7.3e-11 (one seed, November 2026).

  python -m experiments.sweeps.gradient_depth --out FOLDER
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import tyro
from flax import linen as nn

from experiments.sweeps import kept
from experiments.sweeps.training import digits
from vae_jax import figures, standard_gaussian, vae, weighted_sum
from vae_jax.checks import seeded
from vae_jax.networks import MLP, BernoulliHead, GaussianHead, Network
from vae_jax.networks.products import Conv
from vae_jax.networks.residual import Residual
from vae_jax.types import Array

DEPTHS = (1, 2, 4, 8, 16, 32)
_CHANNELS, _IMAGES, _LATENTS = 16, 100, 8


class Plain(nn.Module):
    """The two convolutions of a residual block, each with its activation, and no sum."""

    first: nn.initializers.Initializer

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[H, W, F] -> [H, W, F]."""
        for _ in range(2):
            x = nn.relu(Conv(x.shape[-1], (3, 3), kernel_init=self.first)(x))
        return x


BLOCKS: dict[str, Callable[[], nn.Module]] = {
    "residual": Residual,
    "plain, He": partial(Plain, nn.initializers.he_normal()),
    "plain, LeCun": partial(Plain, nn.initializers.lecun_normal()),
}


class Deep(nn.Module):
    """A convolution, so many blocks, all positions side by side."""

    block: Callable[[], nn.Module]
    depth: int

    @nn.compact
    def __call__(self, x: Array, c: Array | None = None) -> Array:
        """Features of [H, W, 1]."""
        del c
        h = Conv(_CHANNELS, (3, 3), name="first")(x)
        for _ in range(self.depth):
            h = self.block()(h)
        return nn.relu(h).ravel()


class Norm(NamedTuple):
    """The norm of the gradient in the first kernel, of so many blocks."""

    block: str
    depth: int
    norm: float


def norm_of(block: str, depth: int, seed: int) -> Norm:
    """Of one encoder, at its first values, on a hundred digits."""
    images = digits(seed)
    model = vae(
        Network(Deep(BLOCKS[block], depth), GaussianHead((_LATENTS,))),
        Network(MLP((64,)), BernoulliHead((8, 8, 1))),
        standard_gaussian(_LATENTS),
    )
    init_key, key = jax.random.split(seeded(seed))
    batch = {"x": images.test["x"][:_IMAGES]}
    params = jax.jit(model.init)(init_key, batch["x"][0])
    loss = weighted_sum(model)
    gradient, _ = jax.jit(jax.grad(loss, has_aux=True))(params, key, batch, 0)
    kernel = gradient["encoder"]["body"]["first"]["kernel"]
    return Norm(block, depth, float(jnp.linalg.norm(kernel.ravel())))


def table(norms: Sequence[Norm]) -> str:
    """A row for each kind of block, as Markdown; a column for each depth."""
    depths = sorted({n.depth for n in norms})
    head = f"| blocks | {' | '.join(map(str, depths))} |"
    found = {(n.block, n.depth): f"{n.norm:.2g}" for n in norms}
    rows = [
        f"| {block} | {' | '.join(found[block, depth] for depth in depths)} |" for block in BLOCKS
    ]
    return "\n".join([head, "|" + " --- |" * (len(depths) + 1), *rows])


def load(path: Path) -> list[Norm]:
    """The norms that were kept."""
    return [Norm(*each) for each in json.loads(path.read_text(encoding="utf-8"))["points"]]


def draw(path: Path, norms: Sequence[Norm]) -> None:
    """The norms by depth, a line for each kind of block."""
    figure = figures.new(width=5, height=3.2)
    axes = figure.subplots()
    for block in BLOCKS:
        own = [n for n in norms if n.block == block]
        axes.plot([n.depth for n in own], [n.norm for n in own], "o-", ms=4, label=block)
    depths = sorted({n.depth for n in norms})
    axes.set(xscale="log", yscale="log", xlabel="blocks", ylabel="gradient of the first kernel")
    axes.set_xticks(depths, list(map(str, depths)))
    axes.set_xticks([], minor=True)
    axes.yaxis.set_major_formatter("{x:g}")  # figures have words, not formulas
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    figures.save(figure, path)


def main(
    depths: tuple[int, ...] = DEPTHS, seed: int = 0, out: Path = Path("results")
) -> list[Norm]:
    """The norm of the first layer's gradient, by depth and kind of block.

    Args:
      depths: Blocks.
      seed: Of everything that is drawn.
      out: Folder of gradient_depth.json and .png.
    """
    start = time.perf_counter()
    norms = [norm_of(block, depth, seed) for block in BLOCKS for depth in depths]
    options = kept.options(depths=depths, seed=seed)
    kept.write(out, "gradient_depth", options, norms, time.perf_counter() - start)
    draw(out / "gradient_depth.png", norms)
    print(table(norms))
    return norms


if __name__ == "__main__":
    tyro.cli(main, prog="python -m experiments.sweeps.gradient_depth")
    sys.exit()
