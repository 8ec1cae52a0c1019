"""Anybody's table: a VAE of rows of numbers, and of classes."""

import functools
from pathlib import Path

from vae_jax import data as datasets
from vae_jax.configs.choices import Choices
from vae_jax.configs.choices.form import COUNTS
from vae_jax.configs.experiment import Experiment
from vae_jax.configs.intensities import Fit
from vae_jax.configs.lengths import epochs_of
from vae_jax.configs.rows import Columns, as_columns, columns_of, to_event
from vae_jax.configs.tabular import Kept, of_table
from vae_jax.data import Split, Standardise

_CHOICES = Choices(hidden=(256, 256))


def vectors(
    *,
    data: Path,
    key: str | None = None,
    leave_out: tuple[str, ...] = (),
    missing: bool = False,
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
    distribution of its own. Of numbers that are missing the likelihood counts what is there, and
    the encoder reads the mean and is told where it does.

    Args:
      data: A .csv, .tsv or .parquet, or an .npy or .npz of numbers [N, D]; a tenth of the rows is
        held out.
      key: What the array of an .npz is called; by default x, data, x_train with x_test, or the only
        one there is.
      leave_out: Names of columns that are not read.
      missing: Numbers may be missing, as empty cells or NaN.
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
    counts = choices.likelihood in COUNTS
    how_read = functools.partial(datasets.read_table, leave_out=leave_out, missing=missing)
    read = functools.cache(lambda: how_read(data, key=key))
    if numbers is None or classes is None or means is None or scales is None:
        columns = columns_of(read(), counts)
    else:
        known = {name: tuple(texts) for name, texts in classes.items()}
        columns = Columns(numbers, known, Standardise(means, scales), counts)

    def others(path: Path, key: str | None) -> Split:
        every = as_columns(how_read(path, key=key), columns, str(path)).every
        return Split(to_event(every, columns), every.label)

    if epochs is None:
        epochs = epochs_of(len(read().divide()[0].numbers), batch_size)
    how = Fit(epochs, batch_size, latents, learning_rate, seed)
    return of_table(read, columns, how, choices, _CHOICES, missing, Kept(others, epochs))
