"""A run of lines of several lengths: its numbers, its pictures, and the commands on it."""

import shutil

import jax
import numpy as np
import pytest
from tiny_runs import copy, read, rows, shorten, timeless, train

from vae_jax.cli import embed, interpolate, reconstruct, sample, traverse
from vae_jax.cli.train import main
from vae_jax.runs import load_run, work

WORDS = ["rain", "a", "fell", "torrents", "in", "night", "dark", "stormy", "and", "it", "was"]
LENGTH = 8
OPTIONS = {"lines": True, "length": LENGTH, "latents": 2, "batch_size": 40, "evaluate_every": 1}
NETWORKS = {"hidden": 4, "decoder": "gru", "decoder_width": 4, "word_dropout": 0.2}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    place = tmp_path_factory.mktemp("lines")
    (place / "words.txt").write_text("\n".join(WORDS * 8 + ["too long for it"]))
    data = place / "words.txt"
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch)
        return load_run(train(place / "run", "text", data=data, epochs=2, **OPTIONS, **NETWORKS))


def arrays(command, run, *arguments, out):
    assert command.main([str(run.folder), *map(str, arguments), "--out", str(out)]) == 0
    return dict(np.load(out.with_suffix(".npz")))


def lengths_of(x):
    """Of sequences that end in padding, and have it nowhere else."""
    sizes = (x >= 0).sum(axis=1)
    np.testing.assert_array_equal(x >= 0, np.arange(x.shape[1]) < sizes[:, None])
    return sizes


def test_what_a_run_of_lines_tells(done):
    evaluation = read(done.folder, "evaluation.json")
    test = done.experiment.examples.load().test
    nats = -evaluation["log_likelihood"]["value"]
    bits = nats / test["c"].mean() / np.log(2)
    np.testing.assert_allclose(evaluation["bits_per_dim"], bits, rtol=1e-6)
    K = len(set("".join(WORDS)))
    uniform = evaluation["baselines_bits_per_dim"]["uniform"]
    np.testing.assert_allclose(uniform, np.log2(K), rtol=1e-6)
    assert 0 < evaluation["baselines_bits_per_dim"]["independent"] < uniform
    assert done.config["notes"][0].endswith("1 longer lines were left out.")
    lines = (done.folder / "pictures" / "samples.txt").read_text().splitlines()
    lengths = done.experiment.views.lengths
    assert len(lines) == 100
    assert {len(line) for line in lines} <= {n for n, count in enumerate(lengths) if count}
    both = (done.folder / "pictures" / "reconstructions.txt").read_text().splitlines()
    assert set(both[::3]) <= set(WORDS)
    assert [len(line) for line in both[::3]] == [len(line) for line in both[1::3]]


def test_samples_have_lengths_of_the_training_lines(done, tmp_path):
    found = arrays(sample, done, "--number", 400, out=tmp_path / "a")
    sizes = lengths_of(found["x"])
    np.testing.assert_array_equal(found["c"], sizes)
    counts = np.array(done.experiment.views.lengths)
    expected = counts / counts.sum()
    errors = np.sqrt(expected * (1 - expected) / 400)
    drawn = np.bincount(sizes, minlength=LENGTH + 1) / 400
    assert np.all(np.abs(drawn - expected) <= 4 * errors)
    asked = arrays(sample, done, "--number", 5, "--lengths", 7, 2, out=tmp_path / "b")
    assert lengths_of(asked["x"]).tolist() == [7, 2, 7, 2, 7]
    assert [len(line) for line in (tmp_path / "b.txt").read_text().splitlines()] == [7, 2, 7, 2, 7]


def test_what_is_made_of_a_line_is_as_long(done, tmp_path):
    test = done.experiment.examples.load().test
    made = arrays(reconstruct, done, "--number", 3, out=tmp_path / "a")
    np.testing.assert_array_equal(lengths_of(made["made"]), test["c"][:3])
    rows = arrays(interpolate, done, "--pairs", 0, 1, "--steps", 3, out=tmp_path / "b")
    assert set(lengths_of(rows["x"])) == {test["c"][0]}
    moved = arrays(traverse, done, "--example", 1, "--steps", 3, out=tmp_path / "c")
    assert set(lengths_of(moved["x"])) == {test["c"][1]}


@pytest.mark.parametrize(
    ("command", "given", "said"),
    [
        (sample, ["--label", "3"], "takes lengths, and no labels: ask for them by --lengths"),
        (sample, ["--lengths", "9"], "--lengths must be in 1 .. 8, the longest line; got (9,)"),
        (sample, ["--lengths", "0"], "--lengths must be in 1 .. 8"),
        (embed, ["--data", "words.txt"], "needs a condition for each example: --data has none"),
    ],
)
def test_what_does_not_fit_lines_is_refused(command, given, said, done, capsys):
    assert command.main([str(done.folder), *given]) == 1
    assert said in capsys.readouterr().err


def test_a_run_goes_on_to_the_same_bits(done, tmp_path):
    """From its first checkpoint."""
    again = copy(done.folder, tmp_path / "again")
    shutil.rmtree(again / "checkpoints" / "2")
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch, pictures=False)
        patch.setattr(work, "_score", lambda *_: None)
        assert main(["--resume", str(again)]) == 0
    assert timeless(again) == timeless(done.folder)
    assert len(rows(again)) == 4
    jax.tree.map(np.testing.assert_array_equal, load_run(again).params, done.params)
