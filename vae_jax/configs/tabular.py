"""Rows of a table, some of whose numbers may be missing: the body of several configs."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from flax.typing import Initializer

from vae_jax import data as datasets
from vae_jax import show
from vae_jax.checks import check_count
from vae_jax.configs.choices import Choices, Form, Parts, parts
from vae_jax.configs.choices.form import COUNTS
from vae_jax.configs.experiment import Data, Examples, Experiment, Gaps, Trained, Views
from vae_jax.configs.intensities import Fit
from vae_jax.configs.rows import Columns, as_columns, cells, from_event, to_event
from vae_jax.configs.standardised import LOG_SCALE, told
from vae_jax.data import Rows, Split, Table
from vae_jax.models import VAE
from vae_jax.networks import log1p, one_hot
from vae_jax.types import Array, Batch, Event, Key, Params

Score = Callable[[VAE, Params, Key, Batch], dict[str, float]]


class Kept(NamedTuple):
    """What a run of a file keeps of it.

    Fields:
      others: see `Examples`.
      epochs: that were chosen by its size.
    """

    others: Callable[[Path, str | None], Split]
    epochs: int


def of_table(
    read: Callable[[], Table],
    columns: Columns,
    how: Fit,
    choices: Choices,
    defaults: Choices,
    missing: bool = False,
    kept: Kept | None = None,
    score: Score | None = None,
) -> Experiment:
    """The experiment.

    Args:
      read: () -> the table.
      columns: of it.
      how: it is trained.
      choices, defaults: as in `parts`.
      missing: whether numbers may be: then the condition is which of them are there.
      kept: of a file.
      score: as in `Views`; None for what is known of all tables.
    """
    check_count("latents", how.latents)
    made = _made(columns, how.latents, choices, defaults, missing)
    return Experiment(
        Trained(made.model, made.step, how.learning_rate, how.batch_size, how.epochs, how.seed),
        _examples(read, columns, missing, kept),
        Views(
            made.rate,
            made.draws or 100,
            score or made.score,
            show=show.table(columns.names, lambda x: cells(x, columns)),
            restore=lambda x: from_event(x, columns),
        ),
    )


def batch_of(rows: Rows, columns: Columns, missing: bool) -> Batch:
    """Rows as the model has them; of rows of which numbers are missing, with where they are not."""
    x = to_event(rows, columns)
    if not missing:
        return {"x": x}
    if not columns.classes:
        return datasets.observed(x)
    there = ~np.isnan(x["numbers"])  # of a row without any its classes are there
    filled = np.where(there, x["numbers"], 0).astype(np.float32)
    return {"x": {**x, "numbers": filled}, "c": there}


def _made(
    columns: Columns, latents: int, choices: Choices, defaults: Choices, missing: bool
) -> Parts:
    _check_missing(columns, choices, missing)
    sizes = tuple(map(len, columns.classes.values()))
    form = Form(
        (len(columns.numbers),),
        likelihoods=("gaussian", "full_gaussian", "laplace", *COUNTS),
        log_scale=LOG_SCALE,
        log_mean=_log_mean(columns.units.mean),
        beside=sizes,
    )
    reading = _reading(sizes, tuple(columns.units.mean) if columns.counts else None)
    given = (choices, defaults, form, latents)
    if not missing:
        return parts(*given, preprocess=reading)
    mask_of = _beside_classes if sizes else _same
    return parts(*given, embed=_as_floats, preprocess=reading, mask_of=mask_of)


def _examples(
    read: Callable[[], Table], columns: Columns, missing: bool, kept: Kept | None
) -> Examples:
    def load() -> Data:
        return _load(read(), columns, missing)

    levels = 1 if columns.counts else None
    gaps = _gaps_of(read, columns) if missing else None
    if kept is None:
        return Examples(load, num_levels=levels, gaps=gaps)
    found: dict[str, object] = {
        "epochs": kept.epochs,
        "numbers": columns.numbers,
        "classes": columns.classes,
        "means": columns.units.mean,
        "scales": columns.units.scale,
    }
    return Examples(load, num_levels=levels, found=found, others=kept.others, gaps=gaps)


def _gaps_of(read: Callable[[], Table], columns: Columns) -> Gaps:
    def every() -> Rows:
        table = read()
        return as_columns(table, columns, table.name).every

    def filled(x: Event) -> dict[str, np.ndarray]:
        made, own = from_event(x, columns), every().numbers
        numbers = made["numbers"] if columns.classes else made
        numbers = np.where(np.isnan(own), numbers, own)
        texts = made["classes"] if columns.classes else {}
        return {**dict(zip(columns.numbers, numbers.T, strict=True)), **texts}

    return Gaps(lambda: batch_of(every(), columns, missing=True), filled)


def _load(table: Table, columns: Columns, missing: bool) -> Data:
    train, test = as_columns(table, columns, table.name).divide()
    texts = "; ".join(f"{name} ({', '.join(found)})" for name, found in columns.classes.items())
    numbers, size = ", ".join(columns.numbers), len(table.every.numbers)
    note = f"{table.name}: {size:,} rows; numbers: {numbers or 'none'}; text: {texts or 'none'}."
    gaps = (_told_gaps(table),) if missing else ()
    units = () if columns.counts else told(columns.units, (len(columns.numbers),))
    fitted, held_out = (batch_of(rows, columns, missing) for rows in (train, test))
    return Data(fitted, held_out, test.label, (note, *gaps, *units))


def _told_gaps(table: Table) -> str:
    gone = np.isnan(table.every.numbers)
    return (
        f"{np.count_nonzero(gone):,} of {gone.size:,} numbers are missing: the encoder reads the"
        " mean in their place, and so do pictures; nats are of the others, given which those are."
    )


def _check_missing(columns: Columns, choices: Choices, missing: bool) -> None:
    factored = not columns.counts and choices.likelihood != "full_gaussian"
    if missing and not (factored and columns.numbers):
        raise ValueError(
            "missing=True is of tables with columns of numbers, and of the likelihoods gaussian and"
            " laplace: leave it out, or choose one of these."
        )


def _as_floats(mask: Array) -> Array:
    return mask.astype(jnp.float32)


def _same(mask: Array) -> Array:
    return mask


def _beside_classes(mask: Array) -> Event:
    """The mask of a row, all of whose classes are there."""
    return {"numbers": mask, "classes": jnp.ones((), bool)}


@functools.cache
def _reading(
    sizes: tuple[int, ...], means: tuple[float, ...] | None
) -> Callable[[Event], Event] | None:
    """What the encoder reads of classes, and of counts with these means; None of neither."""

    def of_counts(x: Array) -> Array:
        return log1p(x) - log1p(jnp.asarray(means, jnp.float32))

    def read(x: Event) -> Event:
        classes = tuple(one_hot(K)(code) for K, code in zip(sizes, x["classes"], strict=True))
        numbers = {"numbers": of_counts(x["numbers"])} if means and "numbers" in x else {}
        return {**x, **numbers, "classes": classes}

    if sizes:
        return read
    return None if means is None else of_counts


def _log_mean(means: tuple[float, ...]) -> Initializer:
    """The log of the means of columns of counts."""

    def init(key: Key, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        del key
        return jnp.log(jnp.asarray(means, dtype)).reshape(shape)

    return init
