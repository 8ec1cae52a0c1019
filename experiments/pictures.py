"""The pictures of a run: what the model draws, copies and orders, and how it got there."""

import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from experiments.experiment import Experiment
from vae_jax import evaluate, generate, plots
from vae_jax.types import Array, Batch, Key, Params

_PAIRS, _TRAVERSED, _MAPPED = 32, 8, 2000  # images reconstructed, latents traversed, images mapped


def save_all(folder: Path, experiment: Experiment, params: Params, key: Key) -> None:
    """Write samples, reconstructions, a traversal, a latent map and the curves."""
    pictures = folder / "pictures"
    _samples(pictures / "samples.png", experiment, params, key)
    _reconstructions(pictures / "reconstructions.png", experiment, params, key)
    _traversal(pictures / "traversal.png", experiment, params)
    _latent_map(pictures / "latent_map.png", experiment, params)
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    train, test = ([row for row in rows if row["data"] == split] for split in ("train", "test"))
    plots.save_curves(pictures / "curves.png", train, test)


def _samples(path: Path, experiment: Experiment, params: Params, key: Key) -> None:
    conditions, title = None, "Samples: the mean of p(x|z), z from the prior"
    if "c" in experiment.test:
        conditions = jnp.tile(jnp.unique(experiment.test["c"]), 10)
        title = "Samples: the mean of p(x|z,c), z from the prior, one column for each label c"
    images = generate.sample(experiment.model, params, key, 100, conditions)
    plots.save_images(path, images, 10, title)


def _reconstructions(path: Path, experiment: Experiment, params: Params, key: Key) -> None:
    first = _first(experiment.test, _PAIRS)
    made = generate.reconstruct(experiment.model, params, key, first["x"], first.get("c"))
    title = "Held-out images; under each the mean of p(x|z) at the mean of q(z|x)"
    plots.save_reconstructions(path, first["x"], made, title)


def _traversal(path: Path, experiment: Experiment, params: Params) -> None:
    """The most active latents, one a row, from the posterior mean of the first held-out image."""
    units = evaluate.active_units(experiment.model, params, _first(experiment.test, _MAPPED))
    start = evaluate.posterior_means(experiment.model, params, _first(experiment.test, 1))[0]
    most_active = np.argsort(-units.variance)[: np.clip(units.number, 1, _TRAVERSED)]
    condition = experiment.test["c"][0] if "c" in experiment.test else None
    values = jnp.linspace(-2.5, 2.5, 11)
    rows: list[Array] = [
        generate.traverse(experiment.model, params, jnp.asarray(start), int(d), values, condition)
        for d in most_active
    ]
    title = "The most active latents, one a row, from -2.5 to 2.5"
    plots.save_images(path, jnp.concatenate(rows), len(values), title)


def _latent_map(path: Path, experiment: Experiment, params: Params) -> None:
    mapped = _first(experiment.test, _MAPPED)
    means = evaluate.posterior_means(experiment.model, params, mapped)
    labels = None if experiment.labels is None else experiment.labels[: len(means)]
    plots.save_latent_map(path, means, labels, f"Posterior means of {len(means)} held-out images")


def _first(batch: Batch, number: int) -> Batch:
    return {name: leaf[:number] for name, leaf in batch.items()}
