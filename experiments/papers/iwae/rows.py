"""The rows of the published tables: data, model, objective, and what was found."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from vae_jax.bounds import ciwae_bound, elbo_bound, iwae_bound, miwae_bound
from vae_jax.models import VAE
from vae_jax.objectives import Objective, importance_weighted, per_group, weighted_sum

Found = tuple[float | None, tuple[int, ...] | None]  # NLL, and the active units of each layer

BURDA = "Burda et al. 2015"
RAINFORTH = "Rainforth et al. 2018"

# The tables of Burda et al. 2015: the negative log-likelihood, active units
_TABLE: dict[tuple[str, int], dict[tuple[str, int], Found]] = {
    ("dynamic", 1): {
        ("vae", 1): (86.76, (19,)),
        ("vae", 5): (86.47, (20,)),
        ("vae", 50): (86.35, (20,)),
        ("iwae", 5): (85.54, (22,)),
        ("iwae", 50): (84.78, (25,)),
    },
    ("dynamic", 2): {
        ("vae", 1): (85.33, (16, 5)),
        ("vae", 5): (85.01, (17, 5)),
        ("vae", 50): (84.78, (17, 5)),
        ("iwae", 5): (83.89, (21, 5)),
        ("iwae", 50): (82.90, (26, 7)),
    },
    ("fixed", 1): {
        ("vae", 1): (88.71, (19,)),
        ("vae", 5): (88.83, (19,)),
        ("vae", 50): (89.05, (20,)),
        ("iwae", 5): (87.63, (22,)),
        ("iwae", 50): (87.10, (24,)),
    },
    ("fixed", 2): {
        ("vae", 1): (88.08, None),
        ("vae", 5): (87.63, None),
        ("vae", 50): (87.86, None),
        ("iwae", 5): (86.17, (21, 5)),
        ("iwae", 50): (85.32, (24, 7)),
    },
}


class Row(NamedTuple):
    """What is trained, and what was published of it.

    Fields:
      name: data, stochastic layers, objective and its numbers, gradient (none: the plain one).
      data: "dynamic" or "fixed" binarisation.
      layers: stochastic layers, 1 or 2.
      kind: of objective, as it is named in the paper.
      objective: model -> objective.
      published: the negative log-likelihood, nats; that of the plain gradient, as in the paper.
      published_units: the active units of each layer, or None.
      source: of what was published.
    """

    name: str
    data: str
    layers: int
    kind: str
    objective: Callable[[VAE], Objective]
    published: float | None
    published_units: tuple[int, ...] | None
    source: str


def negative_elbo(layers: int, k: int, score_free: bool) -> Callable[[VAE], Objective]:
    """Of k draws. With the rate in closed form, where there is one, and the plain gradient."""
    if layers == 1 and not score_free:
        return partial(weighted_sum, num_samples=k)
    return _weighted(bound=elbo_bound(), num_draws=k, score_free=score_free)


def piwae(num_groups: int, num_samples: int) -> Callable[[VAE], Objective]:
    """The decoder follows IWAE of M * K draws, the encoder MIWAE(M, K) (Rainforth et al. 2018)."""
    M, draws = num_groups, num_groups * num_samples

    def objective(model: VAE) -> Objective:
        tight = importance_weighted(model, iwae_bound(), num_draws=draws)
        loose = importance_weighted(model, miwae_bound(M), num_draws=draws)
        return per_group({"decoder": tight, "encoder": loose})

    return objective


def _weighted(**options: object) -> Callable[[VAE], Objective]:
    return partial(importance_weighted, **options)  # type: ignore[arg-type]


def _of_burda() -> list[Row]:
    rows = []
    for (data, layers), table in _TABLE.items():
        for (kind, k), (published, units) in table.items():
            for score_free in (False, True):
                if kind == "vae":
                    objective = negative_elbo(layers, k, score_free)
                else:
                    objective = _weighted(bound=iwae_bound(), num_draws=k, score_free=score_free)
                gradient = {"vae": "-stl", "iwae": "-dreg"}[kind] if score_free else ""
                name = f"{data}-{layers}-{kind}-{k}{gradient}"
                rows.append(Row(name, data, layers, kind, objective, published, units, BURDA))
    return rows


def _of_rainforth() -> list[Row]:
    """One layer, dynamic binarisation, M * K = 64; the VAE is (M, K) = (64, 1)."""
    M, K = 8, 8
    cells: list[tuple[str, str, Callable[[VAE], Objective], float]] = [
        ("iwae", "64", _weighted(bound=iwae_bound(), num_draws=M * K), 84.52),
        ("piwae", "8-8", piwae(M, K), 84.46),
        ("miwae", "8-8", _weighted(bound=miwae_bound(M), num_draws=M * K), 84.97),
        ("ciwae", "64-0.5", _weighted(bound=ciwae_bound(0.5), num_draws=M * K), 85.24),
        ("ciwae", "64-0.05", _weighted(bound=ciwae_bound(0.05), num_draws=M * K), 84.57),
        ("vae", "64", negative_elbo(1, M * K, False), 86.21),
    ]
    return [
        Row(f"dynamic-1-{kind}-{numbers}", "dynamic", 1, kind, objective, nll, None, RAINFORTH)
        for kind, numbers, objective, nll in cells
    ]


ROWS: dict[str, Row] = {row.name: row for row in (*_of_burda(), *_of_rainforth())}
