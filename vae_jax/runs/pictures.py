"""The pictures of a run: what the model draws, copies and orders; each says how it was made."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import evaluate, files, generate, maps, moved
from vae_jax.configs import Data, Experiment
from vae_jax.generate import Read
from vae_jax.objectives import batch_size as size_of
from vae_jax.runs import folder as run_folder
from vae_jax.runs.conditions import are_labels, conditions, drawn_lengths
from vae_jax.types import Batch, Event, Key, Params

Missing = dict[str, str]  # pictures that could not be drawn, by name: why

_PAIRS, _TRAVERSED, _MAPPED = 32, 8, 2000  # examples reconstructed, latents traversed, z mapped
_OF = {
    "mean": "the mean of",
    "draw": "a draw of",
    "both": "the mean, of parts without one a draw, of",
}
_VALUES = np.linspace(-2.5, 2.5, 11)  # of a traversed latent


class Traversal(NamedTuple):
    """What becomes of one example as its latents move, one at a time.

    Fields:
      x: [R C, ...], a row for each dimension that is moved.
      latent: whose dimensions they are, of a model with several.
      dimensions: [R].
      own: the example's own values of them, [R].
      values: those that all run through, [C].
    """

    x: Event
    latent: str | None
    dimensions: list[int]
    own: np.ndarray
    values: np.ndarray


def save_pictures(
    folder: Path, experiment: Experiment, data: Data, params: Params, key: Key
) -> Missing:
    """Write samples, reconstructions, a traversal and a latent map.

    A picture that fails costs that picture: the others are written, and nothing is raised.

    Returns:
      What could not be drawn, and why: also in missing.json beside the pictures, where there is
      any.
    """
    with contextlib.suppress(OSError):
        folder.mkdir(exist_ok=True)
    given = (experiment, params, data.test, key)
    pictures = {
        "samples": lambda: _samples(folder / "samples", *given),
        "reconstructions": lambda: _reconstructions(folder / "reconstructions", *given),
        "traversal": lambda: _traversal(folder / "traversal", *given),
        "latent_map": lambda: _latent_map(folder / "latent_map.png", *given, data.labels),
    }
    missing = {name: why for name, draw in pictures.items() if (why := _failure(draw))}
    with contextlib.suppress(OSError):  # whatever lies there in its place: it is returned as well
        files.remove(folder / "missing.json")
        if missing:
            run_folder.write_json(folder / "missing.json", missing)
    return missing


def save_samples(
    path: Path, experiment: Experiment, x: Event, c: Event, read_x: str, note: str = ""
) -> Path:
    """Samples; of labels, a column for each."""
    title = f"Samples: {_x(read_x, c)}, z from the prior{note}"
    labelled = are_labels(c) and not experiment.views.lengths
    columns = len(np.unique(c)) if labelled else 10
    if labelled:
        title += ", one column for each label c"
    return experiment.views.show.examples(path, x, columns, title)


def save_reconstructions(
    path: Path, experiment: Experiment, x: Event, made: Event, c: Event, read: Read
) -> Path:
    """Test examples, and under each what the model made of it."""
    title = f"Test examples; under each {_x(read.x, c)}, at {_OF[read.z]} q(z|x)"
    return experiment.views.show.pairs(path, x, made, title)


def save_rows(
    path: Path, experiment: Experiment, x: Event, columns: int, title: str, read_x: str
) -> Path:
    """Examples in rows of so many: an interpolation."""
    return experiment.views.show.examples(path, x, columns, f"{title}: {_x(read_x, None)}")


def save_traversal(
    path: Path, experiment: Experiment, made: Traversal, example: int, read_x: str
) -> Path:
    """One test example, and what becomes of it as its latents move."""
    latent = made.latent or "z"
    title = f"Test example {example} as one latent of {latent} moves, a row each"
    title += f": {_x(read_x, None)}"
    named = moved.moved(latent, made.dimensions, made.own, made.values)
    return experiment.views.show.moves(path, made.x, named, title)


def read_of(experiment: Experiment, params: Params, example: Batch) -> Read:
    """What is drawn of a model for want of a mean; `example` is one, or its shapes."""
    return generate.read(experiment.trained.model, params, example["x"], example.get("c"))


def chosen_latent(z: Event, latent: str | None = None) -> tuple[Event, str | None]:
    """The latent that is moved, and its name: of a model with several, {name: z}, the one that is
    asked for, or the first by name. ValueError where there is none of that name."""
    if not isinstance(z, dict):
        return z, latent
    name = min(z) if latent is None else latent
    if name not in z:
        raise ValueError(f"The model's latents are {', '.join(sorted(z))}; got {name!r}.")
    return z[name], name


def most_active(
    experiment: Experiment, params: Params, test: Batch, key: Key, latent: str | None = None
) -> list[int]:
    """The active dimensions of a latent, that of the largest variance first; one at least, eight at
    most."""
    some = _first(test, _MAPPED)
    units = evaluate.active_units(experiment.trained.model, params, key, some)
    unit, _ = chosen_latent(units, latent)
    return np.argsort(-unit.variance)[: np.clip(unit.number, 1, _TRAVERSED)].tolist()


def traversals(
    experiment: Experiment,
    params: Params,
    example: Batch,
    dimensions: list[int],
    values: np.ndarray,
    key: Key,
    latent: str | None = None,
) -> Traversal:
    """From the z of one example [1, ...], the dimensions of a latent moved in turn."""
    model = experiment.trained.model
    z, name = chosen_latent(evaluate.embeddings(model, params, key, example), latent)
    start = jnp.asarray(z[0])
    c = jax.tree.map(lambda leaf: leaf[0], example.get("c"))
    rows = [
        generate.traverse(
            *(model, params, start, dimension, jnp.asarray(values), c), latent=name, key=key
        )
        for dimension in dimensions
    ]
    x = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *rows)
    own = np.asarray(start).ravel()[dimensions]
    return Traversal(x, name, dimensions, own, values)


def of_latent(name: str | None) -> str:
    """Of which latent, for a title: nothing, of a model with one."""
    return "" if name is None else f" of {name}"


def _failure(draw: Callable[[], None]) -> str | None:
    """Why something could not be drawn; None where it was."""
    try:
        draw()
    except Exception as error:  # of whatever kind: training goes on
        return f"{type(error).__name__}: {error}"
    return None


def _samples(path: Path, experiment: Experiment, params: Params, test: Batch, key: Key) -> None:
    counts = experiment.views.lengths
    c = drawn_lengths(counts, key, 100) if counts else conditions(test, 100)
    x = generate.sample(experiment.trained.model, params, key, 100, c)
    save_samples(path, experiment, x, c, read_of(experiment, params, _one(test)).x)


def _reconstructions(
    path: Path, experiment: Experiment, params: Params, test: Batch, key: Key
) -> None:
    first, read = _first(test, _PAIRS), read_of(experiment, params, _one(test))
    x, c = first["x"], first.get("c")
    made = generate.reconstruct(experiment.trained.model, params, key, x, c)
    save_reconstructions(path, experiment, x, made, c, read)


def _traversal(path: Path, experiment: Experiment, params: Params, test: Batch, key: Key) -> None:
    active = most_active(experiment, params, test, key)
    made = traversals(experiment, params, _first(test, 1), active, _VALUES, key)
    save_traversal(path, experiment, made, 0, read_of(experiment, params, _one(test)).x)


def _latent_map(
    path: Path,
    experiment: Experiment,
    params: Params,
    test: Batch,
    key: Key,
    labels: np.ndarray | None,
) -> None:
    z = _embedded(experiment, params, _first(test, _MAPPED), key)
    what = f"z of {len(z):,} test examples, {_OF[read_of(experiment, params, _one(test)).z]} q(z|x)"
    labels = None if labels is None else labels[: len(z)]
    maps.save_latent_map(path, z, labels, what)


def _embedded(experiment: Experiment, params: Params, some: Batch, key: Key) -> np.ndarray:
    """[N, D], the arrays of z side by side."""
    z = evaluate.embeddings(experiment.trained.model, params, key, some)
    flat = [np.reshape(leaf, (size_of(some), -1)) for leaf in jax.tree.leaves(z)]
    return np.concatenate(flat, axis=1)


def _x(read: str, c: Event) -> str:
    return f"{_OF[read]} {'p(x|z)' if c is None else 'p(x|z,c)'}"


def _first(batch: Batch, number: int) -> Batch:
    return jax.tree.map(lambda leaf: leaf[:number], batch)


def _one(batch: Batch) -> Batch:
    return jax.tree.map(lambda leaf: leaf[0], batch)
