"""A table of which half is hidden, to see how well it is filled in."""

import functools
from typing import NamedTuple

import numpy as np

from vae_jax import evaluate
from vae_jax.checks import check_within
from vae_jax.configs.choices import Choices
from vae_jax.configs.experiment import Experiment
from vae_jax.configs.intensities import Fit
from vae_jax.configs.rows import Columns, columns_of
from vae_jax.configs.tabular import of_table
from vae_jax.data import Rows, Table
from vae_jax.extras import lacking
from vae_jax.models import VAE
from vae_jax.types import Batch, Key, Params

_CHOICES = Choices(hidden=(128, 128), activation="tanh", objective="iwae", draws=20)
_HIDDEN = 7  # the seed of what is hidden, whatever that of the run
_TRAINED, _DRAWS = 455, 1000  # rows, four fifths of 569; importance samples of an imputation


class Hidden(NamedTuple):
    """A table with gaps, and what was there before.

    Fields:
      table: with NaN where a number is hidden.
      whole: all numbers, [N, D].
    """

    table: Table
    whole: np.ndarray


def table_missing(
    *,
    epochs: int = 250,
    batch_size: int = 50,
    latents: int = 10,
    learning_rate: float = 1e-3,
    gaps: float = 0.5,
    choices: Choices = _CHOICES,
    seed: int = 0,
) -> Experiment:
    """569 tumours by 30 numbers, each of which is hidden with probability one half: filled in.

    The table of Wolberg, Street and Mangasarian (breast cancer, Wisconsin) comes with
    scikit-learn. What is hidden is seen by nothing: not the standardisation, nor the training, nor
    the imputers that the model stands beside. The bound is that of what is there, by importance
    weights (their MIWAE is `iwae`); the encoder reads 0 for what is not, and is told which.

    `python -m experiments.train table_missing` gave, on the 1,697 hidden cells of 114 rows that
    nothing was fitted to, a root mean square error of 0.51 +- 0.02 standard deviations, where the
    means of the columns have 1.03 +- 0.03 and scikit-learn's iterative imputer 0.57 +- 0.02, each
    with its standard error (48 s of processor time on two shared cores, November 2026). The bound
    says less well: -log p of what is there 19.1 on these rows, of 100 samples of which 4 count, and
    8.5 in training.

    Args:
      epochs: Passes over the 455 training rows.
      batch_size: Rows a step.
      latents: Dimensions of z.
      learning_rate: Of the optimizer at the start.
      gaps: The probability that a number is hidden.
      choices: Networks, objective and more.
      seed: Of everything that is drawn, but for what is hidden.

    Reference: Mattei, Frellsen 2019, arXiv 1812.02633. Departures: rows that the model was not
    trained on are filled in; the encoder is told the mask; a Gaussian where they have Student's t.
    """
    check_within("gaps", gaps, 0.01, 0.9)
    found = functools.cache(functools.partial(hide, gaps))
    columns = columns_of(found().table)
    how = Fit(epochs, batch_size, latents, learning_rate, seed)

    def score(model: VAE, params: Params, key: Key, test: Batch) -> dict[str, float]:
        return errors(found(), columns, model, params, key, test)

    return of_table(
        lambda: found().table, columns, how, choices, _CHOICES, missing=True, score=score
    )


def hide(probability: float) -> Hidden:
    """The table, with numbers hidden at random. ImportError without scikit-learn."""
    try:
        from sklearn.datasets import load_breast_cancer
    except ImportError as error:
        raise lacking("The table of tumours", "scikit-learn", "experiments") from error
    found = load_breast_cancer()
    random = np.random.default_rng(_HIDDEN)
    order = random.permutation(len(found.data))
    whole, label = found.data[order], found.target[order].astype(np.int32)
    x = np.where(random.random(whole.shape) < probability, np.nan, whole)
    rows = Rows(x, np.empty((len(x), 0), np.int32), label)
    names = tuple(str(name) for name in found.feature_names)
    return Hidden(Table("breast_cancer", names, {}, rows, _TRAINED), whole)


def errors(
    found: Hidden, columns: Columns, model: VAE, params: Params, key: Key, test: Batch
) -> dict[str, float]:
    """The root mean square error of the hidden numbers of the test rows, standardised: by the
    model, by the means of the columns, and by scikit-learn's iterative imputer, which, as the
    model, is fitted to the training rows."""
    gone = ~np.asarray(test["c"])  # of all of them, or of the first
    truth = columns.units.apply(found.whole[_TRAINED:][: len(gone)])
    train, rest = (columns.units.apply(rows.numbers) for rows in found.table.divide())
    made = evaluate.impute(model, params, key, test, num_samples=_DRAWS)
    guesses = {
        "model": np.asarray(made.x),
        "mean": np.zeros_like(truth),
        "iterative_imputer": _by_regressions(train, rest[: len(gone)]),
    }
    rmse = {
        f"hidden_rmse_{name}": float(np.sqrt(np.mean((guess - truth)[gone] ** 2)))
        for name, guess in guesses.items()
    }
    return {"hidden_cells": float(gone.sum()), **rmse}


def _by_regressions(train: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Each column by a Bayesian ridge regression on the others, in turn, until none changes."""
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401  # or no import
    from sklearn.impute import IterativeImputer

    return IterativeImputer(random_state=0, max_iter=100, tol=1e-2).fit(train).transform(rest)
