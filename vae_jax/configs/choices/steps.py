"""Steps: who descends the objective, and how often."""

from collections.abc import Callable
from typing import Any, NamedTuple

import optax

from vae_jax.checks import check_count
from vae_jax.configs.choices.table import Rows
from vae_jax.configs.experiment import Optimize
from vae_jax.evaluate.scores import Rate
from vae_jax.models import VAE
from vae_jax.objectives import Objective, Term, information, weighted_sum
from vae_jax.train import Player, Step, aggressive, descend


class Descended(NamedTuple):
    """What a row makes a step of.

    Fields:
      model: the VAE.
      objective: of it.
      optimizer: the learning rate -> optimizer.
      groups: of the parameters, but the encoder's.
      rate: as in `Views`.
    """

    model: VAE
    objective: Objective
    optimizer: Callable[[Any], optax.GradientTransformation]
    groups: tuple[str, ...]
    rate: Rate | None


def together(made: Descended) -> Callable[[Optimize], Step]:
    """All parameters at once."""
    return lambda optimize: descend(made.objective, optimize(made.optimizer))


def encoder_ahead(
    made: Descended, *, parts: int = 10, window: int = 10, looks: int = 20
) -> Callable[[Optimize], Step]:
    """An encoder that descends fresh batches until its bound stops rising (He et al. 2019)."""
    for name, count in (("parts", parts), ("window", window), ("looks", looks)):
        check_count(name, count)
    if parts < 2:
        raise ValueError(f"parts must be at least 2, the encoder's and the rest's; got {parts}.")
    if made.rate is None:
        raise ValueError(
            "step='encoder_ahead' looks at what z tells of x, and a point has no density: with"
            " posterior='point' choose step='together'."
        )
    told = weighted_sum(made.model, [Term("information", information)])

    def step(optimize: Optimize) -> Step:
        own, rest = (
            Player(name, made.objective, groups, optimize(made.optimizer, updates=parts))
            for name, groups in (("encoder", ("encoder",)), ("rest", made.groups))
        )
        return aggressive(own, rest, told, parts=parts, window=window, every=looks)

    return step


STEPS: Rows = {"together": together, "encoder_ahead": encoder_ahead}
