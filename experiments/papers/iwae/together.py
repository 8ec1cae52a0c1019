"""Several seeds of one row, trained at once by `vmap`: what a cell is, in a fraction of the time.

Each seed has the keys, the order and the noise that it has in a cell of its own, and ends with its
numbers but for rounding.
"""

import json
import os
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.papers.iwae.cells import Cell, made_by
from experiments.papers.iwae.images import prepare_of, prepared, read
from experiments.papers.iwae.models import make_model
from experiments.papers.iwae.protocols import make_step
from experiments.papers.iwae.scores import score
from vae_jax import data
from vae_jax.configs import Data
from vae_jax.models import VAE
from vae_jax.runs.circumstances import circumstances
from vae_jax.train import Step, TrainState, average_params, train_epoch
from vae_jax.train.epochs import steps_of
from vae_jax.types import Array, Batch, Key

Json = dict[str, Any]


class Training(NamedTuple):
    """What is trained: the cells of a row, of which only the seeds differ.

    Fields:
      cells: one for each seed.
      model, step: of the row.
      examples: what it is trained and scored on.
    """

    cells: tuple[Cell, ...]
    model: VAE
    step: Step
    examples: Data

    @property
    def epochs(self) -> int:
        """In all."""
        return self.cells[0].settings.epochs

    @property
    def steps(self) -> int:
        """Of an epoch."""
        train: Any = self.examples.train
        return steps_of(len(train["x"]), self.cells[0].settings.batch_size)


def training(cells: tuple[Cell, ...], raw: Path | None, most: int | None = None) -> Training:
    """The cells' model, step and images.

    Args:
      cells: of one row, protocol and settings.
      raw: of `images.read`.
      most: images of each split, for a trial; None for all.
    """
    row, settings = cells[0].row, cells[0].settings
    model, examples = _model_and_images(row.data, row.layers, raw, most)
    train: Any = examples.train
    steps = settings.epochs * steps_of(len(train["x"]), settings.batch_size)
    step = make_step(cells[0].protocol, settings, row.objective(model), steps)
    return Training(cells, model, step, examples)


def begin(training: Training) -> TrainState:
    """The first state of each seed, [S, ...], as `fit` has it."""
    seeds = jnp.asarray([cell.seed for cell in training.cells])
    shape = training.examples.test["x"].shape[1:]
    return _begin(training.step, training.model, shape, seeds)


def advance(training: Training, states: TrainState, epochs: int) -> tuple[TrainState, Array]:
    """So many epochs more, in one compiled loop; the mean loss of the last one, [S] nats."""
    row, settings = training.cells[0].row, training.cells[0].settings
    how = (training.step, settings.batch_size, prepare_of(row.data))
    return _advance(*how, states, training.examples.train, jnp.asarray(epochs))


def compiled(training: Training) -> None:
    """Compile what `begin` and `advance` run, beside whatever else is done."""
    row, settings = training.cells[0].row, training.cells[0].settings
    states = begin(training)
    how = (training.step, settings.batch_size, prepare_of(row.data))
    _advance.lower(*how, states, training.examples.train, jnp.asarray(1)).compile()


def results(training: Training, states: TrainState, seconds: float, command: str) -> list[Json]:
    """The result of each cell, scored as a cell is."""
    found = []
    for index, cell in enumerate(training.cells):
        state = jax.tree.map(lambda leaf, i=index: leaf[i], states)
        _, _, score_key = jax.random.split(jax.random.key(cell.seed), 3)
        params = average_params(state)
        found.append(
            {
                **cell.identity(),
                **score(cell.row.layers, training.model, params, score_key, training.examples.test),
                **made_by(seconds, len(training.cells)),
                "command": command,
                **circumstances(),
            }
        )
    return found


def save(folder: Path, training: Training, states: TrainState, seconds: float) -> None:
    """Keep what was begun: a file of arrays for each seed, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, cell in enumerate(training.cells):
        leaves = jax.tree.leaves(jax.tree.map(lambda leaf, i=index: leaf[i], states))
        arrays: Any = {str(i): _plain(leaf) for i, leaf in enumerate(leaves)}
        arrays |= {"step": _plain(states.step[index]), "about": np.asarray(_about(cell))}
        temporary = folder / f"{cell.name}.part.npz"
        np.savez(temporary, seconds=np.asarray(seconds), **arrays)
        os.replace(temporary, folder / f"{cell.name}.npz")


def load(folder: Path, training: Training) -> tuple[TrainState, float] | None:
    """What `save` kept, and the seconds it took.

    None where a seed is missing, is of other settings or of another kind of device, or has not come
    as far as the others.
    """
    paths = [folder / f"{cell.name}.npz" for cell in training.cells]
    if not all(path.is_file() for path in paths):
        return None
    kept = [_read(path) for path in paths]
    abouts = [str(arrays["about"]) for arrays in kept]
    steps = {int(arrays["step"]) for arrays in kept}
    if abouts != [_about(cell) for cell in training.cells] or len(steps) > 1:
        return None
    leaves, structure = jax.tree.flatten(begin(training))
    stacked = [np.stack([arrays[str(i)] for arrays in kept]) for i in range(len(leaves))]
    states = [_like(leaf, array) for leaf, array in zip(leaves, stacked, strict=True)]
    return jax.tree.unflatten(structure, states), float(kept[0]["seconds"])


def _about(cell: Cell) -> str:
    """Whose file it is."""
    return json.dumps({**cell.identity(), "machine": jax.devices()[0].device_kind})


def _read(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as arrays:
        return dict(arrays)


@cache  # of one model one program scores
def _model_and_images(
    name: str, layers: int, raw: Path | None, most: int | None
) -> tuple[VAE, Data]:
    dataset: data.Dataset = read(name, raw)
    examples = prepared(name, dataset)
    train, test = jax.tree.map(lambda leaf: leaf[:most], (examples.train, examples.test))
    return make_model(layers, dataset), Data(jax.device_put(train), test, None)


@partial(jax.jit, static_argnames=("step", "model", "shape"))
def _begin(step: Step, model: VAE, shape: tuple[int, ...], seeds: Array) -> TrainState:
    def first(seed: Array) -> TrainState:
        init_key, train_key = jax.random.split(jax.random.key(seed))
        return step.init(train_key, model.init(init_key, jnp.zeros(shape)))

    return jax.vmap(first)(seeds)


@partial(jax.jit, static_argnames=("step", "batch_size", "prepare"), donate_argnames="states")
def _advance(
    step: Step,
    batch_size: int,
    prepare: data.Prepare | None,
    states: TrainState,
    train: Batch,
    epochs: Array,
) -> tuple[TrainState, Array]:
    def epoch(state: TrainState) -> tuple[TrainState, Array]:
        state, metrics = train_epoch(step, state, train, batch_size=batch_size, prepare=prepare)
        return state, jnp.mean(metrics["loss"])

    def again(_: Array, carried: tuple[TrainState, Array]) -> tuple[TrainState, Array]:
        return jax.vmap(epoch)(carried[0])

    return jax.lax.fori_loop(0, epochs, again, (states, jnp.zeros(states.step.shape)))


def _plain(leaf: Array | Key) -> np.ndarray:
    is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)


def _like(leaf: Array | Key, array: np.ndarray) -> Array | Key:
    is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return jax.random.wrap_key_data(jnp.asarray(array)) if is_key else jnp.asarray(array)
