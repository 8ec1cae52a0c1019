"""The pictures of a run: what the model draws, copies and orders. Of text, lines of text."""

from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import evaluate, generate, plots
from vae_jax.configs import Data, Experiment
from vae_jax.runs import folder as run_folder
from vae_jax.types import Array, Batch, Key, Params

Missing = dict[str, str]  # pictures that could not be drawn, by name: why

_PAIRS, _TRAVERSED, _MAPPED = 32, 8, 2000  # images reconstructed, latents traversed, images mapped


def save_pictures(
    folder: Path, experiment: Experiment, data: Data, params: Params, key: Key
) -> Missing:
    """Write samples, reconstructions, a traversal (of images) and a latent map.

    A picture that fails costs that picture: the others are written, and nothing is raised.

    Returns:
      What could not be drawn, and why: also in missing.json beside the pictures, where there is
      any.
    """
    test = data.test
    pictures = {
        "samples": lambda: _samples(folder / "samples", experiment, params, test, key),
        "reconstructions": lambda: _reconstructions(
            folder / "reconstructions", experiment, params, test, key
        ),
        "traversal": lambda: _traversal(folder / "traversal.png", experiment, params, test),
        "latent_map": lambda: _latent_map(folder / "latent_map.png", experiment, params, data),
    }
    if experiment.text is not None:
        del pictures["traversal"]
    missing = {name: why for name, draw in pictures.items() if (why := _failure(draw))}
    (folder / "missing.json").unlink(missing_ok=True)
    if missing:
        run_folder.write_json(folder / "missing.json", missing)
    return missing


def save_samples(path: Path, experiment: Experiment, drawn: Array, c: Array | None) -> Path:
    """A grid; a column for each condition, where there are any."""
    columns, title = 10, "Samples: the mean of p(x|z), z from the prior"
    if c is not None:
        columns = len(np.unique(c))
        title = "Samples: the mean of p(x|z,c), z from the prior, one column for each label c"
    return save_examples(path, experiment, drawn, columns, title)


def save_reconstructions(path: Path, experiment: Experiment, x: Array, made: Array) -> Path:
    """Held-out examples, and under each what the model made of it."""
    if experiment.text is not None:
        pairs = jnp.stack([x, made], axis=1).reshape(-1, *x.shape[1:])
        return save_examples(path, experiment, pairs, 2, "")
    title = "Held-out images; under each the mean of p(x|z) at the mean of q(z|x)"
    plots.save_reconstructions(_ending(path, ".png"), x, made, title)
    return _ending(path, ".png")


def save_examples(
    path: Path, experiment: Experiment, examples: Array, columns: int, title: str
) -> Path:
    """Images as a PNG of so many columns, or texts as lines; the path with its suffix."""
    if experiment.text is None:
        plots.save_images(_ending(path, ".png"), examples, columns, title)
        return _ending(path, ".png")
    lines = [experiment.text(x).replace("\n", "\N{RETURN SYMBOL}") for x in examples]
    run_folder.write(_ending(path, ".txt"), ("\n".join(lines) + "\n").encode())
    return _ending(path, ".txt")


def conditions(test: Batch, number: int) -> Array | None:
    """So many conditions, the different ones in turn; None for a model without."""
    return jnp.resize(jnp.unique(test["c"]), (number,)) if "c" in test else None


def most_active(experiment: Experiment, params: Params, test: Batch) -> list[int]:
    """The active latents, the one of the largest variance first; at least one, at most eight."""
    units = evaluate.active_units(experiment.model, params, _first(test, _MAPPED))
    return np.argsort(-units.variance)[: np.clip(units.number, 1, _TRAVERSED)].tolist()


def traversals(
    experiment: Experiment,
    params: Params,
    example: Batch,
    dimensions: list[int],
    values: Array,
) -> Array:
    """Images [dimensions * values, ...]: from the posterior mean of one example [1, ...]."""
    start = jnp.asarray(evaluate.posterior_means(experiment.model, params, example)[0])
    c = example["c"][0] if "c" in example else None
    rows = [
        generate.traverse(experiment.model, params, start, dimension, values, c)
        for dimension in dimensions
    ]
    return jnp.concatenate(rows)


def _failure(draw: Callable[[], None]) -> str | None:
    """Why something could not be drawn; None where it was."""
    try:
        draw()
    except Exception as error:  # of whatever kind: training goes on
        return f"{type(error).__name__}: {error}"
    return None


def _samples(path: Path, experiment: Experiment, params: Params, test: Batch, key: Key) -> None:
    c = conditions(test, 100)
    drawn = generate.sample(experiment.model, params, key, 100, c, draw=_drawn(experiment))
    save_samples(path, experiment, drawn, c)


def _reconstructions(
    path: Path, experiment: Experiment, params: Params, test: Batch, key: Key
) -> None:
    first = _first(test, _PAIRS)
    made = generate.reconstruct(
        experiment.model, params, key, first["x"], first.get("c"), draw=_drawn(experiment)
    )
    save_reconstructions(path, experiment, first["x"], made)


def _traversal(path: Path, experiment: Experiment, params: Params, test: Batch) -> None:
    values = jnp.linspace(-2.5, 2.5, 11)
    active = most_active(experiment, params, test)
    images = traversals(experiment, params, _first(test, 1), active, values)
    title = "The most active latents, one a row, from -2.5 to 2.5"
    plots.save_images(path, images, len(values), title)


def _latent_map(path: Path, experiment: Experiment, params: Params, data: Data) -> None:
    means = evaluate.posterior_means(experiment.model, params, _first(data.test, _MAPPED))
    labels = None if data.labels is None else data.labels[: len(means)]
    plots.save_latent_map(path, means, labels, f"Posterior means of {len(means)} held-out examples")


def _ending(path: Path, suffix: str) -> Path:
    """With the suffix added, where it is not there: a name may have points in it."""
    return path if path.suffix == suffix else path.with_name(path.name + suffix)


def _first(batch: Batch, number: int) -> Batch:
    return jax.tree.map(lambda leaf: leaf[:number], batch)


def _drawn(experiment: Experiment) -> bool:
    return experiment.text is not None  # characters have no mean
