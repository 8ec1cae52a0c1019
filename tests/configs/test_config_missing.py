"""Tables of which a part is missing: the config `vectors` with `missing`, and `table_missing`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import datasets

from vae_jax import Gaussian, Masked, evaluate
from vae_jax.configs import CONFIGS, missing
from vae_jax.configs.choices import Choices
from vae_jax.configs.rows import columns_of
from vae_jax.data import read_table

vectors, table_missing = CONFIGS["vectors"], CONFIGS["table_missing"]
SMALL = {"latents": 2, "choices": Choices(hidden=(4,)), "missing": True}
N = 24
WEIGHT = 60 + 10 * np.sin(np.arange(N))
WHEN = 1_700_000_000 + np.arange(N)


@pytest.fixture(scope="module", params=["numbers", "mixed"])
def experiment(request, tmp_path_factory):
    is_mixed = request.param == "mixed"
    every = 4 if is_mixed else 6  # of the former two rows have no number
    cells = [
        ["" if n % 3 == 0 else f"{WEIGHT[n]}", "" if n % every == 1 else f"{WHEN[n]}"]
        for n in range(N)
    ]
    names = ["weight", "when"]
    if is_mixed:
        names += ["colour"]
        cells = [[*row, ("red", "blue")[n % 2]] for n, row in enumerate(cells)]
    path = tmp_path_factory.mktemp("missing") / "a.csv"
    path.write_text("\n".join(map(",".join, [names, *cells])))
    return vectors(data=path, **SMALL), read_table(path, missing=True)


def numbers_of(x):
    return x["numbers"] if isinstance(x, dict) else x


def test_nan_becomes_a_mask_at_the_door(experiment):
    made, table = experiment
    loaded = made.examples.load()
    train, _ = table.divide()
    there = ~np.isnan(train.numbers)
    np.testing.assert_array_equal(loaded.train["c"], there)
    x = numbers_of(loaded.train["x"])
    np.testing.assert_array_equal(x[~there], 0)
    restored = numbers_of(made.views.restore(loaded.train["x"]))
    np.testing.assert_allclose(restored[there], train.numbers[there], rtol=1e-7)
    np.testing.assert_allclose(made.examples.found["means"], np.nanmean(train.numbers, axis=0))
    number = np.count_nonzero(np.isnan(table.every.numbers))
    assert number == (14 if table.classes else 12)
    assert loaded.notes[1].startswith(f"{number} of 48 numbers are missing: the encoder reads")


def test_what_is_missing_is_not_scored_and_the_decoder_is_told_of_nothing(experiment):
    made, _ = experiment
    loaded, model = made.examples.load(), made.trained.model
    one = lambda n: jax.tree.map(lambda leaf: leaf[n], loaded.train)  # noqa: E731
    x, c = one(0)["x"], np.array([True, False])
    params = model.init(jax.random.key(0), x, c)
    z = jnp.ones(2)
    some, none = (model.decode(params, z, mask) for mask in (c, np.zeros(2, bool)))
    assert isinstance(some, Masked)
    jax.tree.map(np.testing.assert_array_equal, some.distribution, none.distribution)
    other = jax.tree.map(np.copy, x)
    numbers_of(other)[1] = 7.0
    np.testing.assert_array_equal(some.log_prob(x), some.log_prob(other))
    assert some.log_prob(x) != none.log_prob(x)
    q = [model.encode(params, x, mask).loc for mask in (c, np.ones(2, bool))]
    assert np.abs(q[0] - q[1]).max() > 1e-3  # it is told which are there


def test_counts_and_texts_alone_cannot_be_missing(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n,3\n4,5\n6,7\n")
    (tmp_path / "b.csv").write_text("a\nx\ny\nx\ny\n")
    counts = {**SMALL, "choices": Choices(hidden=(4,), likelihood="poisson")}
    for name, how in (("a.csv", counts), ("b.csv", SMALL)):
        with pytest.raises(ValueError, match="missing=True is of tables with columns of numbers"):
            vectors(data=tmp_path / name, **how)
    optimal = {**SMALL, "choices": Choices(hidden=(4,), scale="optimal")}
    with pytest.raises(ValueError, match="without columns of text or missing values"):
        vectors(data=tmp_path / "a.csv", **optimal)
    flow = {**SMALL, "choices": Choices(hidden=(4,), decoder="flow")}
    with pytest.raises(ValueError, match="from which those that are missing cannot be left out"):
        vectors(data=tmp_path / "a.csv", **flow)


def with_others(found):
    """The tumours as scikit-learn has them, but for the numbers that are hidden."""
    whole = datasets.load_breast_cancer()
    order = np.random.default_rng(missing._HIDDEN).permutation(len(whole.data))
    gone = np.isnan(found.table.every.numbers)
    whole.data[order] = np.where(gone, -3 * found.whole - 7, found.whole)
    return whole


def test_what_is_hidden_is_seen_by_nothing(monkeypatch):
    """Another value in its place changes neither the data nor their units."""
    found, loaded = missing.hide(0.5), table_missing().examples.load()
    gone = np.isnan(found.table.every.numbers)
    assert abs(gone.mean() - 0.5) < 4 * 0.5 / np.sqrt(gone.size)
    other = with_others(found)
    monkeypatch.setattr(datasets, "load_breast_cancer", lambda: other)
    changed, reloaded = missing.hide(0.5), table_missing().examples.load()
    assert np.all(changed.whole[gone] != found.whole[gone])
    np.testing.assert_array_equal(changed.whole[~gone], found.whole[~gone])
    jax.tree.map(np.testing.assert_array_equal, loaded.train, reloaded.train)
    jax.tree.map(np.testing.assert_array_equal, loaded.test, reloaded.test)
    units, others = columns_of(found.table).units, columns_of(changed.table).units
    assert units == others
    np.testing.assert_allclose(units.mean, np.nanmean(found.table.every.numbers[:455], 0))
    assert loaded.notes == reloaded.notes


def test_the_errors_are_those_of_hidden_cells_of_rows_that_nothing_was_fitted_to():
    """The model's are those of `impute`; and what stands beside it is near what it must be."""
    found, loaded = missing.hide(0.5), table_missing().examples.load()
    gone = np.isnan(found.table.every.numbers)[455:]
    assert (len(loaded.train["x"]), len(loaded.test["x"])) == (455, 114)
    small = table_missing(choices=Choices(hidden=(4,)), latents=2)
    model, test, key = small.trained.model, loaded.test, jax.random.key(1)
    params = model.init(jax.random.key(0), test["x"][0], test["c"][0])
    scores = small.views.score(model, params, key, test)
    assert scores["hidden_cells"] == gone.sum()
    truth = columns_of(found.table).units.apply(found.whole)[455:]

    def rmse(guess):
        return np.sqrt(np.mean((guess - truth)[gone] ** 2))

    filled = evaluate.impute(model, params, key, test, num_samples=missing._DRAWS).x
    np.testing.assert_allclose(scores["hidden_rmse_model"], rmse(filled), rtol=1e-6)
    np.testing.assert_allclose(scores["hidden_rmse_mean"], rmse(np.zeros_like(truth)), rtol=1e-6)
    assert scores["hidden_rmse_iterative_imputer"] < 0.7 < scores["hidden_rmse_mean"]
    np.testing.assert_array_equal(filled[test["c"]], test["x"][test["c"]])
    likelihood = model.decode(params, jnp.zeros(2), test["c"][0])
    assert isinstance(likelihood.distribution, Gaussian)
