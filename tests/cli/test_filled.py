"""`reconstruct --filled`: a table without its gaps, in the order and the units of its file."""

import jax
import numpy as np
import pytest
from tiny_runs import read, shorten, train

from vae_jax import evaluate
from vae_jax.cli import output, reconstruct
from vae_jax.data import read_table
from vae_jax.runs import load_run

N = 40
WEIGHT = np.round(70 + 9 * np.random.default_rng(0).normal(size=N), 2)
WHEN = 1_700_000_000 + np.arange(N)  # of which float32 has not all digits
GONE = np.arange(N)[:, None] % np.array([3, 5]) == np.array([1, 2])


def written(path):
    """Columns of numbers before and behind one of text."""
    lines = ["weight,colour,when"]
    for n, (weight, when) in enumerate(GONE):
        cells = ("" if weight else WEIGHT[n], ("red", "blue")[n % 2], "" if when else WHEN[n])
        lines.append(",".join(map(str, cells)))
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("missing")
    options = {"missing": True, "epochs": 1, "hidden": 4, "latents": 2, "batch_size": 12}
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch, pictures=False)
        return train(place / "run", "vectors", data=written(place / "gaps.csv"), **options)


def test_a_table_is_filled_in(run, tmp_path, capsys):
    path, k = tmp_path / "filled.csv", "--importance-samples=20"
    assert reconstruct.main([str(run), "--number=2", k, "--filled", str(path)]) == 0
    assert "40 rows; of 20 draws a row" in capsys.readouterr().out
    found = read_table(path)  # which refuses gaps
    assert found.numbers == ("weight", "when")
    assert found.classes == {"colour": ("blue", "red")}
    there = np.stack([WEIGHT, WHEN], axis=1)
    np.testing.assert_array_equal(found.every.numbers[~GONE], there[~GONE])
    np.testing.assert_array_equal(found.every.codes[:, 0], np.arange(N) % 2 == 0)
    loaded = load_run(run)
    gaps = loaded.experiment.examples.gaps.rows()
    made = evaluate.impute(loaded.model, loaded.params, jax.random.key(0), gaps, num_samples=20)
    units = loaded.experiment.examples.found
    expected = made.x["numbers"] * units["scales"] + np.array(units["means"])
    np.testing.assert_allclose(found.every.numbers[GONE], expected[GONE], rtol=1e-6)
    assert np.ptp(expected[GONE[:, 0], 0]) > 0


def test_what_z_knows_is_told_where_the_mask_is_a_condition(run):
    scores = read(run, "evaluation.json")
    information = scores["mutual_information"]
    assert information["images"] == 4
    assert information["value"] <= np.log(4) + 1e-4


def test_what_cannot_be_filled_is_refused(run, digits, tmp_path, capsys):
    assert reconstruct.main([str(digits.folder), "--filled", str(tmp_path / "a.csv")]) == 1
    assert "--filled is of a table with missing values, as `vectors" in capsys.readouterr().err
    assert reconstruct.main([str(run), "--filled", str(tmp_path / "a.txt")]) == 1
    assert "--filled must end in .npz, .csv or .parquet" in capsys.readouterr().err
    assert reconstruct.main([str(run), "--importance-samples", "9"]) == 1
    assert "--importance-samples is of --filled: leave it out" in capsys.readouterr().err


def test_a_column_may_have_any_name(tmp_path):
    columns = {"path": np.arange(3.0), "file": np.array(["a", "b", "c"])}
    output.save_table(tmp_path / "all.csv", **columns)
    assert (tmp_path / "all.csv").read_text() == "path,file\n0.0,a\n1.0,b\n2.0,c\n"
    with pytest.raises(ValueError, match=r"no array of the name 'file': choose .csv or .parquet"):
        output.save_table(tmp_path / "all.npz", **columns)
