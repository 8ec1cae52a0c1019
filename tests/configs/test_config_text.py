"""The config `text`: windows of a text file."""

import jax
import numpy as np
import pytest
from tiny_runs import LINES, spelt

from vae_jax import Categorical
from vae_jax.configs import CONFIGS
from vae_jax.configs.choices import Choices

text = CONFIGS["text"]
SMALL = {
    "length": 8,
    "latents": 2,
    "choices": Choices(likelihood="categorical", hidden=(4, 4)),
}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "night.txt"
    path.write_text(LINES)
    return path


def test_windows_of_a_file(path, tmp_path):
    experiment = text(data=path, **SMALL)
    loaded = experiment.examples.load()
    N = len(LINES) // 8
    assert len(loaded.train["x"]) + len(loaded.test["x"]) == N
    assert len(loaded.test["x"]) == round(N / 10)
    assert loaded.train["x"].dtype == np.int32
    assert loaded.labels is None
    K = len(set(LINES))
    assert loaded.notes == (
        f"night.txt: {N} windows of 8 of its characters, of which {K} are different.",
    )
    found = {"vocabulary": "".join(sorted(set(LINES))), "epochs": 250}
    assert experiment.examples.found == found
    windows = {LINES[i : i + 8] for i in range(0, 8 * N, 8)}
    assert set(spelt(experiment, loaded.test["x"], tmp_path)) <= windows
    both = np.concatenate([loaded.train["x"], loaded.test["x"]])
    assert set(spelt(experiment, both, tmp_path)) == windows


def test_each_character_has_a_distribution(path):
    experiment = text(data=path, **SMALL)
    x = experiment.examples.load().test["x"][0]
    params = experiment.trained.model.init(jax.random.key(0), x)
    made = experiment.trained.model.decode(params, np.zeros(2, np.float32))
    assert isinstance(made, Categorical)
    assert made.logits.shape == (8, len(set(LINES)))
    assert made.in_support(x)


def test_a_vocabulary_needs_no_file(path, tmp_path):
    found = text(data=path, **SMALL).examples.found
    path.unlink()
    experiment = text(data=path, **SMALL, **found)
    assert spelt(experiment, np.arange(3)[None], tmp_path) == [found["vocabulary"][:3]]
    with pytest.raises(FileNotFoundError, match=r"There is no file .*night\.txt"):
        experiment.examples.load()


def test_another_text_is_refused(path):
    experiment = text(data=path, **SMALL, vocabulary="abc")
    with pytest.raises(ValueError, match=r"night\.txt is not made of the 3 characters of the voc"):
        experiment.examples.load()


def test_windows_of_no_character_are_refused(path):
    with pytest.raises(ValueError, match="length must be at least 1; got 0"):
        text(data=path, length=0)
