"""What the commands write: the arrays that the library computes, and pictures of them."""

import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from tiny_runs import bytes_of, copy, read, spelt, write_pngs

from vae_jax import data, evaluate, generate, plots
from vae_jax.cli import embed, interpolate, reconstruct, sample, traverse
from vae_jax.cli import evaluate as evaluate_command
from vae_jax.configs.experiment import fixed
from vae_jax.runs import load_run
from vae_jax.runs.scores import score


def run(command, done, *arguments, out=None):
    """The arrays that a command has written."""
    given = [str(done.folder), *map(str, arguments)]
    assert command.main([*given, *([] if out is None else ["--out", str(out)])]) == 0
    return dict(np.load(out.with_suffix(".npz"))) if out is not None else None


def is_png(path):
    with Image.open(path) as picture:
        picture.load()
        return picture.format == "PNG" and min(picture.size) > 30


def test_samples(digits, tmp_path):
    out = tmp_path / "drawn.png"
    options = ["--number", 6, "--temperature", 0.5, "--seed", 3, "--epoch", 1]
    arrays = run(sample, digits, *options, out=out)
    assert set(arrays) == {"x"}
    first = load_run(digits.folder, epoch=1)
    expected = generate.sample(first.model, first.params, jax.random.key(3), 6, temperature=0.5)
    np.testing.assert_array_equal(arrays["x"], expected)
    assert is_png(out)


def test_draws_are_no_means(digits, tmp_path):
    arrays = run(sample, digits, "--number", 4, "--draw-x", out=tmp_path / "a.png")
    expected = generate.sample(digits.model, digits.params, jax.random.key(0), 4, draw_x=True)
    np.testing.assert_array_equal(arrays["x"], expected)
    assert set(np.unique(arrays["x"])) == {0.0, 1.0}


def test_samples_of_labels(conditional, tmp_path):
    arrays = run(sample, conditional, "--number", 5, "--label", 7, 2, out=tmp_path / "a.png")
    np.testing.assert_array_equal(arrays["c"], [7, 2, 7, 2, 7])
    key = jax.random.key(0)
    expected = generate.sample(conditional.model, conditional.params, key, 5, arrays["c"])
    np.testing.assert_array_equal(arrays["x"], expected)
    arrays = run(sample, conditional, "--number", 12, out=tmp_path / "b.png")
    np.testing.assert_array_equal(arrays["c"], [*range(10), 0, 1])


def test_samples_of_text(text, tmp_path):
    arrays = run(sample, text, "--number", 3, out=tmp_path / "a.txt")
    lines = (tmp_path / "a.txt").read_text().splitlines()
    shown = spelt(text.experiment, arrays["x"], tmp_path)
    assert [line.replace("\N{RETURN SYMBOL}", "\n") for line in lines] == shown


def test_files_go_into_the_run_folder_unless_named(digits, tmp_path, capsys):
    done = digits._replace(folder=copy(digits.folder, tmp_path / "run"))
    run(sample, done, "--number", 3)
    run(reconstruct, done, "--number", 3)
    run(embed, done)
    names = ("samples.png", "samples.npz", "reconstructions.png", "embedding.npz")
    said = capsys.readouterr().out
    for name in names:
        assert (done.folder / name).exists()
        assert str(done.folder / name) in said


def test_a_name_with_a_point_in_it(digits, tmp_path):
    given = [str(digits.folder), "--number", "2", "--out", str(tmp_path / "t0.7")]
    assert sample.main(given) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t0.7.npz", "t0.7.png"]


@pytest.mark.parametrize("draw", [False, True])
def test_reconstructions(draw, digits, tmp_path):
    flags = ["--draw-z", "--draw-x", "--seed", 4] if draw else []
    arrays = run(reconstruct, digits, "--number", 5, *flags, out=tmp_path / "a.png")
    x, key = digits.experiment.examples.load().test["x"][:5], jax.random.key(4 if draw else 0)
    np.testing.assert_array_equal(arrays["x"], x)
    expected = generate.reconstruct(digits.model, digits.params, key, x, draw_z=draw, draw_x=draw)
    np.testing.assert_array_equal(arrays["made"], expected)
    assert is_png(tmp_path / "a.png")


@pytest.mark.parametrize("path", ["linear", "spherical"])
def test_interpolations(path, digits, tmp_path):
    options = ["--pairs", 3, 1, 4, 5, "--steps", 4, "--path", path]
    arrays = run(interpolate, digits, *options, out=tmp_path / "a.png")
    test = digits.experiment.examples.load().test
    some = {"x": test["x"][jnp.array([3, 1, 4, 5])]}
    z = evaluate.posterior_means(digits.model, digits.params, some)
    np.testing.assert_allclose(arrays["z"], z, rtol=1e-6)
    for row, (start, end) in enumerate([(0, 1), (2, 3)]):
        expected = generate.interpolate(
            digits.model, digits.params, *jnp.asarray(z)[jnp.array([start, end])], 4,
            path=getattr(generate, path),
        )  # fmt: skip
        np.testing.assert_allclose(arrays["x"][4 * row : 4 * row + 4], expected, rtol=1e-5)
    assert is_png(tmp_path / "a.png")


def test_a_label_that_there_is_not_is_refused(conditional, capsys, tmp_path):
    given = [str(conditional.folder), "--label", "3", "12", "--out", str(tmp_path / "a.png")]
    assert sample.main(given) == 1
    assert "c[1] = 12: the networks take the labels 0 .. 9" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_lengths_are_of_lines_alone(digits, capsys):
    assert sample.main([str(digits.folder), "--lengths", "3"]) == 1
    assert "not of lines of several lengths: leave --lengths out" in capsys.readouterr().err


def test_a_row_of_interpolations_keeps_its_label(conditional, tmp_path):
    options = ["--pairs", 0, 1, "--steps", 2]
    arrays = run(interpolate, conditional, *options, out=tmp_path / "a.png")
    c = conditional.experiment.examples.load().test["c"][0]
    decoded = conditional.model.decode(conditional.params, jnp.asarray(arrays["z"][1]), c).mean()
    np.testing.assert_allclose(arrays["x"][1], decoded, rtol=1e-5)


def test_traversals(digits, tmp_path):
    options = ["--latents", 2, 0, "--example", 3, "--low", -1, "--high", 2, "--steps", 4]
    arrays = run(traverse, digits, *options, out=tmp_path / "a.png")
    np.testing.assert_allclose(arrays["values"], [-1, 0, 1, 2], atol=1e-6)
    np.testing.assert_array_equal(arrays["latents"], [2, 0])
    one = {"x": digits.experiment.examples.load().test["x"][3:4]}
    z = np.array(evaluate.posterior_means(digits.model, digits.params, one)[0])
    np.testing.assert_allclose(arrays["own"], z[[2, 0]], rtol=1e-6)
    for row, dimension in enumerate([2, 0]):
        for column, value in enumerate([-1, 0, 1, 2]):
            moved = z.copy()
            moved[dimension] = value
            expected = digits.model.decode(digits.params, moved).mean()
            np.testing.assert_allclose(arrays["x"][4 * row + column], expected, rtol=1e-4)
    assert is_png(tmp_path / "a.png")


def test_the_most_active_latents_are_traversed(digits, tmp_path):
    arrays = run(traverse, digits, out=tmp_path / "a.png")
    test = digits.experiment.examples.load().test
    units = evaluate.active_units(digits.model, digits.params, jax.random.key(0), test)["z"]
    order = np.argsort(-units.variance)[: max(units.number, 1)]
    np.testing.assert_array_equal(arrays["latents"], order)


def test_embeddings(digits, tmp_path):
    arrays = run(embed, digits, out=tmp_path / "a.npz")
    loaded = digits.experiment.examples.load()
    z = evaluate.posterior_means(digits.model, digits.params, loaded.test)
    np.testing.assert_array_equal(arrays["z"], z)
    np.testing.assert_array_equal(arrays["label"], loaded.labels)


def test_embeddings_as_parquet(conditional, tmp_path):
    table = pytest.importorskip("pyarrow.parquet")
    out = tmp_path / "a.parquet"
    given = [str(conditional.folder), "--split", "train", "--out", str(out)]
    assert embed.main(given) == 0
    read_back = table.read_table(out).to_pydict()
    train = conditional.experiment.examples.load().train
    prepared = fixed(conditional.experiment.examples.prepare, train)
    z = evaluate.posterior_means(conditional.model, conditional.params, prepared)
    assert set(read_back) == {"z0", "z1", "label"}
    np.testing.assert_array_equal(np.stack([read_back["z0"], read_back["z1"]], 1), z)
    np.testing.assert_array_equal(read_back["label"], train["c"])


def test_embeddings_as_csv(digits, tmp_path):
    arrays = run(embed, digits, out=tmp_path / "a.npz")
    assert embed.main([str(digits.folder), "--out", str(tmp_path / "a.csv")]) == 0
    with (tmp_path / "a.csv").open() as file:
        assert file.readline() == "z0,z1,z2,label\n"
        table = np.loadtxt(file, delimiter=",")
    np.testing.assert_array_equal(table[:, :3].astype(np.float32), arrays["z"])
    np.testing.assert_array_equal(table[:, 3], arrays["label"])


def test_embeddings_of_other_images(pictures, tmp_path):
    """All of them, in their order: here those the run was trained on, streamed."""
    other = write_pngs(tmp_path / "other", bytes_of(5, seed=2))
    arrays = run(embed, pictures, "--data", other, out=tmp_path / "a.npz")
    x = fixed(pictures.experiment.examples.prepare, {"x": jnp.asarray(bytes_of(5, seed=2))})
    z = evaluate.posterior_means(pictures.model, pictures.params, x)
    np.testing.assert_allclose(arrays["z"], z, rtol=1e-5)
    assert "label" not in arrays


@pytest.mark.parametrize(
    ("x", "found"),
    [
        (bytes_of(5, (6, 6, 1)), r"uint8 \[8, 8, 1\], and .* has uint8 \[6, 6, 1\]: convert them"),
        (
            bytes_of(5) / 255,
            r"x\.npy: x has fractions, and integers of 256 levels are needed",
        ),
    ],
    ids=["shape", "type"],
)
def test_other_data_than_the_run_knows(x, found, pictures, tmp_path, capsys):
    np.save(tmp_path / "x.npy", x)
    assert embed.main([str(pictures.folder), "--data", str(tmp_path / "x.npy")]) == 1
    assert capsys.readouterr().err.startswith("error: ")
    with pytest.raises(ValueError, match=found):
        embed._other(pictures, tmp_path / "x.npy")


def test_scores(digits, tmp_path, capsys):
    folder = copy(digits.folder, tmp_path / "run")
    shutil.rmtree(folder / "pictures")  # the report is written without
    before = read(folder, "evaluation.json")
    given = [str(folder), "--importance-samples", "7", "--seed", "2", "--epoch", "1"]
    assert evaluate_command.main(given) == 0
    evaluation = read(folder, "evaluation.json")
    assert evaluation["epoch"] == 1
    assert evaluation["log_likelihood"]["importance_samples"] == 7
    assert set(evaluation) == set(before)
    run_ = load_run(folder, epoch=1)
    test = data.load("digits").test.x
    assert len(test) == evaluation["images"]
    expected = score(
        run_.experiment, run_.experiment.examples.load().test, run_.params, jax.random.key(2),
        importance_samples=7,
    ).numbers  # fmt: skip
    for name in ("elbo", "active_units", "mutual_information"):
        assert evaluation[name] == expected[name]
    shown = capsys.readouterr().out
    for number in (evaluation["elbo"]["elbo"], evaluation["log_likelihood"]["value"]):
        assert f"{-number:.2f}" in shown
    assert "7 importance samples" in shown
    assert "360 test examples, epoch 1; the run is at epoch 2 now" in shown


@pytest.mark.parametrize("command", [sample, reconstruct, interpolate, traverse, embed])
def test_a_folder_that_there_is_not_is_refused_first(command, tmp_path, capsys):
    out = tmp_path / "nowhere" / "a.npz"
    assert command.main(["no run", "--out", str(out)]) == 1
    said = f"There is no folder {out.parent} for --out {out}: make it first, or name another."
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "what"), [(sample, "samples"), (reconstruct, "reconstructions"), (embed, "latents")]
)
def test_how_far_it_is_is_shown(command, what, digits, tmp_path, monkeypatch):
    seen = []

    def track(description):
        return lambda batches: seen.append(description) or batches

    monkeypatch.setattr(command, "track", track)
    options = [] if command is embed else ["--number", 3]
    run(command, digits, *options, out=tmp_path / "a.npz")
    assert (tmp_path / "a.png").exists() == (command is not embed)
    assert seen == [what]


def test_a_picture_has_the_first_of_many_samples(digits, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(plots, "save_images", lambda *given: drawn.append(given))
    arrays = run(sample, digits, "--number", 401, out=tmp_path / "a.png")
    assert arrays["x"].shape == (401, 8, 8, 1)
    ((_, images, columns, title, _),) = drawn
    assert (len(images), columns) == (400, 10)
    assert title.endswith("; the first 400 of 401")
