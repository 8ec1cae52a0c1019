"""Anybody's table: a VAE of rows of numbers, and of classes."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
from flax.typing import Initializer

from vae_jax import data as datasets
from vae_jax import show
from vae_jax.checks import check_count
from vae_jax.configs.choices import Choices, Form, parts
from vae_jax.configs.choices.form import COUNTS
from vae_jax.configs.experiment import Data, Examples, Experiment, Trained, Views
from vae_jax.configs.lengths import epochs_of
from vae_jax.configs.rows import Columns, as_columns, cells, columns_of, from_event, to_event
from vae_jax.configs.standardised import LOG_SCALE, told
from vae_jax.data import Split, Standardise, Table
from vae_jax.networks import log1p, one_hot
from vae_jax.types import Array, Event, Key

_CHOICES = Choices(hidden=(256, 256))


def vectors(
    *,
    data: Path,
    key: str | None = None,
    leave_out: tuple[str, ...] = (),
    epochs: int | None = None,
    batch_size: int = 100,
    latents: int = 8,
    learning_rate: float = 1e-3,
    choices: Choices = _CHOICES,
    seed: int = 0,
    numbers: tuple[str, ...] | None = None,
    classes: dict[str, tuple[str, ...]] | None = None,
    means: tuple[float, ...] | None = None,
    scales: tuple[float, ...] | None = None,
) -> Experiment:
    """Rows of a table of your own: numbers, and columns of text as classes.

    Numbers are standardised by the training rows, and nats are of those; samples and pictures are
    in the units of the file. Counts, by a likelihood of counts, are scored as they are, and the
    encoder reads log(1 + x), less that of the means. Given z each column of text is drawn from a
    distribution of its own.

    Args:
      data: A .csv, .tsv or .parquet, or an .npy or .npz of numbers [N, D]; a tenth of the rows is
        held out.
      key: What the array of an .npz is called; by default x, data, x_train with x_test, or the only
        one there is.
      leave_out: Names of columns that are not read.
      epochs: Passes over the training rows; by default those of 4,000 steps, at most 250.
      batch_size: Rows a step.
      latents: Dimensions of z.
      learning_rate: Of the optimizer at the start.
      choices: Networks, objective and more.
      seed: Of everything that is drawn.
      numbers: Names of the columns of numbers; by default read from the data.
      classes: Of each column of text its classes; by default read from the data.
      means: Of the columns of numbers; by default read from the data.
      scales: Their standard deviations; by default read from the data.
    """
    check_count("latents", latents)
    counts = choices.likelihood in COUNTS
    read = functools.cache(lambda: datasets.read_table(data, key=key, leave_out=leave_out))
    if numbers is None or classes is None or means is None or scales is None:
        columns = columns_of(read(), counts)
    else:
        known = {name: tuple(texts) for name, texts in classes.items()}
        columns = Columns(numbers, known, Standardise(means, scales), counts)

    def others(path: Path, key: str | None) -> Split:
        table = datasets.read_table(path, key=key, leave_out=leave_out)
        every = as_columns(table, columns, str(path)).every
        return Split(to_event(every, columns), every.label)

    if epochs is None:
        epochs = epochs_of(len(read().divide()[0].numbers), batch_size)
    sizes = tuple(map(len, columns.classes.values()))
    shape = (len(columns.numbers),)
    form = Form(
        shape,
        likelihoods=("gaussian", "laplace", *COUNTS),
        log_scale=LOG_SCALE,
        log_mean=_log_mean(columns.units.mean),
        beside=sizes,
    )
    reading = _reading(sizes, tuple(columns.units.mean) if counts else None)
    made = parts(choices, _CHOICES, form, latents, preprocess=reading)
    found: dict[str, object] = {
        "epochs": epochs,
        "numbers": columns.numbers,
        "classes": columns.classes,
        "means": columns.units.mean,
        "scales": columns.units.scale,
    }
    return Experiment(
        Trained(made.model, made.step, learning_rate, batch_size, epochs, seed),
        Examples(
            lambda: _load(read(), columns),
            num_levels=1 if counts else None,
            found=found,
            others=others,
        ),
        Views(
            made.rate,
            made.draws or 100,
            made.score,
            show=show.table(columns.names, lambda x: cells(x, columns)),
            restore=lambda x: from_event(x, columns),
        ),
    )


def _load(table: Table, columns: Columns) -> Data:
    train, test = as_columns(table, columns, table.name).divide()
    texts = "; ".join(f"{name} ({', '.join(found)})" for name, found in columns.classes.items())
    numbers, size = ", ".join(columns.numbers), len(table.every.numbers)
    note = f"{table.name}: {size:,} rows; numbers: {numbers or 'none'}; text: {texts or 'none'}."
    units = () if columns.counts else told(columns.units, (len(columns.numbers),))
    x = (to_event(rows, columns) for rows in (train, test))
    return Data({"x": next(x)}, {"x": next(x)}, test.label, (note, *units))


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
