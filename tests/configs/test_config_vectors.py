"""The config `vectors`: tables of numbers and of classes."""

import jax
import numpy as np
import pytest
from PIL import Image

from vae_jax import Gaussian, Joint, evaluate, generate
from vae_jax.configs import CONFIGS
from vae_jax.configs.choices import Choices
from vae_jax.configs.options import from_json, to_json
from vae_jax.configs.rows import Columns, cells
from vae_jax.data import Standardise, read_table

vectors = CONFIGS["vectors"]
SMALL = {"latents": 2, "choices": Choices(hidden=(4,))}
N = 24
WEIGHT = 60 + 10 * np.sin(np.arange(N))
WHEN = 1_700_000_000 + np.arange(N)
COLOUR = [("red", "blue", "green")[n % 3] for n in range(N)]


@pytest.fixture
def mixed(tmp_path):
    lines = [f"{w},{c},{t}" for w, c, t in zip(WEIGHT, COLOUR, WHEN, strict=True)]
    (tmp_path / "a.csv").write_text("\n".join(["weight,colour,when", *lines]))
    return tmp_path / "a.csv"


@pytest.fixture
def numbers(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.stack([WEIGHT, WHEN], axis=1), y=np.arange(N) % 2)
    return tmp_path / "a.npz"


def params_of(experiment, x):
    return experiment.trained.model.init(jax.random.key(0), jax.tree.map(lambda leaf: leaf[0], x))


def test_numbers_alone(numbers):
    experiment = vectors(data=numbers, **SMALL)
    loaded = experiment.examples.load()
    assert loaded.train["x"].shape == (N - 2, 2)
    np.testing.assert_allclose(loaded.train["x"].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(loaded.train["x"].std(axis=0), 1, rtol=1e-6)
    assert loaded.labels.shape == (2,)
    train, test = read_table(numbers).divide()
    np.testing.assert_allclose(experiment.views.restore(loaded.test["x"]), test.numbers, rtol=1e-9)
    assert experiment.examples.found["means"] == tuple(train.numbers.mean(axis=0))
    z = np.zeros(2, np.float32)
    made = experiment.trained.model.decode(params_of(experiment, loaded.test["x"]), z)
    assert isinstance(made, Gaussian)


def test_text_becomes_classes(mixed):
    experiment = vectors(data=mixed, **SMALL)
    found = experiment.examples.found
    assert found["numbers"] == ("weight", "when")
    assert found["classes"] == {"colour": ("blue", "green", "red")}
    loaded = experiment.examples.load()
    x = loaded.test["x"]
    params = params_of(experiment, x)
    made = experiment.trained.model.decode(params, np.zeros(2, np.float32))
    assert isinstance(made, Joint)
    assert made.parts["classes"].parts[0].logits.shape == (3,)
    restored = experiment.views.restore(x)
    _, test = read_table(mixed).divide()
    np.testing.assert_allclose(restored["numbers"], test.numbers, rtol=1e-9)
    places = [int(when) - WHEN[0] for when in np.round(restored["numbers"][:, 1])]
    assert restored["classes"]["colour"].tolist() == [COLOUR[place] for place in places]
    bound = evaluate.elbos(experiment.trained.model, params, jax.random.key(0), loaded.test)
    assert np.isfinite(bound.value).all()


def test_the_constant_of_the_units_is_told(mixed):
    experiment = vectors(data=mixed, **SMALL)
    rows, nats = experiment.examples.load().notes
    assert rows == "a: 24 rows; numbers: weight, when; text: colour (blue, green, red)."
    constant = np.log(experiment.examples.found["scales"]).sum()
    assert nats.endswith(f"in the units of the file log p(x) is lower by {constant:.2f}.")


def test_text_alone(tmp_path):
    (tmp_path / "a.csv").write_text(
        "\n".join(["colour,size", *(f"{c},{len(c)}cm" for c in COLOUR)])
    )
    experiment = vectors(data=tmp_path / "a.csv", **SMALL)
    loaded = experiment.examples.load()
    assert list(loaded.test["x"]) == ["classes"]
    assert len(loaded.notes) == 1
    params = params_of(experiment, loaded.test["x"])
    drawn = generate.sample(experiment.trained.model, params, jax.random.key(0), 3)
    restored = experiment.views.restore(drawn)
    assert set(restored["classes"]["size"]) <= {"3cm", "4cm", "5cm"}


def test_a_run_needs_no_data_to_be_drawn_from(mixed):
    experiment = vectors(data=mixed, **SMALL)
    x = experiment.examples.load().test["x"]
    kept = from_json(vectors, to_json({"data": "", **SMALL, **experiment.examples.found}))
    mixed.unlink()
    again = vectors(**{**kept, "data": mixed})
    one, other = (params_of(e, x) for e in (experiment, again))
    jax.tree.map(np.testing.assert_array_equal, one, other)
    np.testing.assert_array_equal(
        again.views.restore(x)["numbers"], experiment.views.restore(x)["numbers"]
    )
    with pytest.raises(FileNotFoundError):
        again.examples.load()


def test_other_rows_are_read_as_its_own(mixed, tmp_path):
    experiment = vectors(data=mixed, leave_out=("when",), **SMALL)
    (tmp_path / "b.csv").write_text("weight,colour,when\n1,red,1\n2,green,1\n3,red,1\n")
    split = experiment.examples.others(tmp_path / "b.csv", None)
    assert split.x["classes"][0].tolist() == [2, 1, 2]  # red is the first of the two in that file
    assert experiment.views.restore(split.x)["classes"]["colour"].tolist() == [
        "red",
        "green",
        "red",
    ]
    np.testing.assert_allclose(
        experiment.views.restore(split.x)["numbers"][:, 0], [1, 2, 3], rtol=1e-5
    )
    for lines, message in (
        (
            "weight,colour,when\n1,red,1\n2,pink,1\n",
            r"'colour' has 'pink', and the model knows",
        ),
        (
            "mass,colour,when\n1,red,1\n2,green,1\n",
            r"has numbers in mass and text in colour",
        ),
    ):
        (tmp_path / "b.csv").write_text(lines)
        with pytest.raises(ValueError, match=message):
            experiment.examples.others(tmp_path / "b.csv", None)


def test_pictures_name_the_columns(mixed, tmp_path):
    experiment = vectors(data=mixed, **SMALL)
    x = experiment.examples.load().train["x"]
    show = experiment.views.show
    for path in (
        show.examples(tmp_path / "a", x, 10, "title"),
        show.pairs(tmp_path / "b", x, x, "t"),
    ):
        with Image.open(path) as picture:
            assert picture.format == "PNG"
    found = experiment.examples.found
    units = Standardise(found["means"], found["scales"])
    _, written = cells(x, Columns(found["numbers"], found["classes"], units))
    first = experiment.views.restore(x)
    assert written[0] == [
        f"{first['numbers'][0, 0]:.4g}",
        f"{first['numbers'][0, 1]:.0f}",  # in which a second can be seen
        first["classes"]["colour"][0],
    ]


def test_a_column_of_one_value_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.stack([WEIGHT, np.ones(N)], axis=1))
    with pytest.raises(ValueError, match=r"^x1: one value in all training examples"):
        vectors(data=tmp_path / "a.npy", **SMALL)
    assert vectors(data=tmp_path / "a.npy", leave_out=("x1",), **SMALL).examples.found[
        "numbers"
    ] == ("x0",)


COUNTED = np.random.default_rng(0).poisson([0.5, 20.0, 3000.0], (60, 3))


@pytest.mark.parametrize("likelihood", ["poisson", "negative_binomial", "zinb"])
def test_counts_are_scored_as_they_are(likelihood, tmp_path):
    np.save(tmp_path / "a.npy", COUNTED)
    given = {"latents": 2, "choices": Choices(hidden=(4,), likelihood=likelihood)}
    experiment = vectors(data=tmp_path / "a.npy", **given)
    loaded, model = experiment.examples.load(), experiment.trained.model
    x = np.concatenate([loaded.train["x"], loaded.test["x"]])
    assert x.dtype == np.float32
    np.testing.assert_array_equal(np.sort(x, axis=0), np.sort(COUNTED, axis=0))
    np.testing.assert_array_equal(experiment.views.restore(x), x)
    assert len(loaded.notes) == 1  # the units are those of the file
    params = params_of(experiment, x)
    mean = model.decode(params, np.zeros(2, np.float32)).mean()
    share = 0.5 if likelihood == "zinb" else 1
    np.testing.assert_allclose(mean, share * loaded.train["x"].mean(axis=0), rtol=1e-5)
    bound = evaluate.elbos(model, params, jax.random.key(0), loaded.test)
    assert np.all(bound.rate < 100)  # the encoder reads logarithms
    assert np.isfinite(bound.value).all()
    found = experiment.examples.found
    shades, written = cells(x[:1], Columns(found["numbers"], {}, Standardise(*COUNT_UNITS), True))
    assert written == [[f"{n:.0f}" for n in x[0]]]
    np.testing.assert_allclose(shades, (x[:1] - COUNT_UNITS[0]) / COUNT_UNITS[1], rtol=1e-5)


COUNT_UNITS = ((1.0, 20.0, 3000.0), (1.0, 4.0, 50.0))


def test_counts_beside_text(tmp_path):
    lines = [f"{n},{colour}" for n, colour in zip(COUNTED[:N, 2], COLOUR, strict=True)]
    (tmp_path / "a.csv").write_text("\n".join(["reads,colour", *lines]))
    given = {"latents": 2, "choices": Choices(hidden=(4,), likelihood="negative_binomial")}
    experiment = vectors(data=tmp_path / "a.csv", **given)
    x = experiment.examples.load().test["x"]
    model, params = experiment.trained.model, params_of(experiment, x)
    assert np.all(np.abs(jax.vmap(lambda x: model.encode(params, x).loc)(x)) < 50)
    assert set(experiment.views.restore(x)["numbers"].ravel()) <= set(COUNTED[:N, 2])


def test_what_is_no_count_is_refused(tmp_path):
    x = COUNTED.astype(float)
    for bad in (-1, 0.5, 2**24 + 2):
        x[3, 1] = bad
        np.save(tmp_path / "a.npy", x)
        choices = Choices(likelihood="poisson")
        with pytest.raises(ValueError, match=r"column 'x1' has .* in row 4, and counts are whole"):
            vectors(data=tmp_path / "a.npy", choices=choices).examples.load()


def test_likelihoods_of_intensities_are_refused(numbers):
    with pytest.raises(ValueError, match="likelihood='bernoulli' does not fit these data: choose"):
        vectors(data=numbers, latents=2, choices=Choices(likelihood="bernoulli"))


@pytest.mark.parametrize(
    ("value", "text"),
    [(23870.4, "23870"), (2.3874, "2.387"), (1.2e9, "1.2e+09"), (np.nan, "nan"), (-8e-5, "-8e-05")],
)
def test_numbers_are_written_as_they_are_read(value, text):
    columns = Columns(("income",), {}, Standardise((0.0,), (1.0,)))
    assert cells(np.array([[value]]), columns)[1] == [[text]]
