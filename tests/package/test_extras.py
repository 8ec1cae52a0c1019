"""What is not installed: one place says how it is had."""

import re
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import vae_jax
from vae_jax import checkpoint, evaluate, plots
from vae_jax.extras import install

ROOT = Path(vae_jax.__file__).parent
PROJECT = tomllib.loads((ROOT.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_no_other_place_says_how_the_package_is_installed():
    saying = {
        p.name for p in ROOT.rglob("*.py") if re.search(r"vae_jax\[|\.\[\w+\]", p.read_text())
    }
    assert saying <= {"extras.py"}


def test_the_extras_that_messages_name_are_there():
    named = {
        name
        for path in ROOT.rglob("*.py")
        for name in re.findall(r"(?:lacking\(.*, |install\()[\"'](\w+)[\"']\)", path.read_text())
    }
    assert named == {"experiments", "stream", "tensorboard"}
    assert named < set(PROJECT["optional-dependencies"])


def test_the_oldest_versions_are_those_that_are_asked_for():
    lines = (ROOT.parent / "tests" / "floors.txt").read_text(encoding="utf-8").splitlines()
    oldest = dict(line.removesuffix(".*").split("==") for line in lines if "==" in line)
    assert oldest.pop("jaxlib") == oldest["jax"]
    asked = dict(entry.split(">=") for entry in PROJECT["dependencies"] if ">=" in entry)
    assert {name: asked[name] for name in oldest} == oldest
    assert set(asked) - set(oldest) == {"tensorflow-datasets"}


def test_a_picture_without_matplotlib(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    message = f"A picture needs matplotlib, which is not installed: {install('experiments')}, or"
    with pytest.raises(ImportError, match=re.escape(message)):
        plots.save_images(tmp_path / "a.png", np.zeros((1, 2, 2, 1)), 1, "")


def test_a_gaussian_of_all_covariances_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.covariance", None)
    with pytest.raises(ImportError, match="every covariance needs scikit-learn, which is not inst"):
        evaluate.full_covariance(np.zeros((3, 2)))


def test_a_checkpoint_without_orbax(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "orbax.checkpoint", None)
    with pytest.raises(ImportError, match="A checkpoint needs orbax-checkpoint, which is not inst"):
        checkpoint.Checkpoints(tmp_path)
    with pytest.raises(ImportError, match="A checkpoint needs orbax-checkpoint"):
        checkpoint.save(tmp_path / "a", {"a": np.zeros(2)})
