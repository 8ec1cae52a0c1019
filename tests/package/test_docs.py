"""The pages of docs/ run as written: Python blocks from top to bottom, commands of experiments."""

import contextlib
import importlib
import re
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import optax
import pytest
from PIL import Image
from tiny_runs import shorten, write_table

from tests.package.test_readme import blocks, fenced
from vae_jax import descend, standard_gaussian, vae, weighted_sum
from vae_jax.networks import MLP, BernoulliHead, GaussianHead, Network

DOCS = Path(__file__).parents[2] / "docs"


def commands(text):
    """The arguments of each `python -m experiments...` in a ```sh block."""
    found = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in found for line in block.splitlines()]
    return [shlex.split(line)[2:] for line in lines if line.startswith("python -m experiments")]


@pytest.mark.parametrize(
    ("page", "least"), [("library", 5), ("accelerators", 5), ("experiments", 1)]
)
def test_the_python_of_a_page_runs(page, least, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = DOCS / f"{page}.md"
    namespace = {"__name__": page}
    found = blocks(path.read_text())
    assert len(found) >= least
    for line, code in found:
        exec(compile("\n" * line + code, path.name, "exec"), namespace)


def test_the_commands_of_the_page_on_experiments_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shorten(monkeypatch, pictures=False)
    _some_data()
    lines = commands((DOCS / "experiments.md").read_text())
    assert len(lines) > 10
    for module, *arguments in lines:
        assert importlib.import_module(module).main(arguments) == 0, (module, arguments)
        assert capsys.readouterr().err == ""


@pytest.mark.parametrize("tracker", ["wandb", "mlflow"])
def test_every_row_of_fit_goes_to_a_tracker(tracker, monkeypatch):
    seen, about = [], []
    stand_ins = {
        "wandb": SimpleNamespace(
            init=lambda project, config: about.append(config),
            log=lambda numbers: seen.append((numbers.pop("epoch"), numbers)),
        ),
        "mlflow": SimpleNamespace(
            start_run=contextlib.nullcontext,
            log_params=about.append,
            log_metrics=lambda numbers, step: seen.append((step, numbers)),
        ),
    }
    monkeypatch.setitem(sys.modules, tracker, stand_ins[tracker])
    page = (DOCS / "experiments.md").read_text()
    (code,) = [code for _, code in fenced(page, "text") if f"import {tracker}\n" in code]
    decoder = Network(MLP((2,)), BernoulliHead((3,)))
    model = vae(Network(MLP((2,)), GaussianHead((1,))), decoder, standard_gaussian(1))
    x = {"x": np.ones((100, 3), np.float32)}
    step = descend(weighted_sum(model), optax.adam(1e-3))
    given = {"model": model, "step": step, "data": x, "held_out": x, "key": jax.random.key(0)}
    exec(compile(code, "experiments.md", "exec"), given)
    rows = given["fitted"].rows
    assert {row["data"] for row in rows} == {"train", "held_out"}
    assert about == [{"latents": 8}]
    for (epoch, numbers), row in zip(seen, rows, strict=True):
        named = {name: row[name] for name in row if name not in ("data", "epoch", "step")}
        assert epoch == row["epoch"]
        assert numbers == {f"{row['data']}/{name}": number for name, number in named.items()}


def _some_data():
    """What the page calls the user's own."""
    rng = np.random.default_rng(0)
    Path("photographs").mkdir()
    for n in range(40):
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(f"photographs/{n}.png")
    np.savez("arrays.npz", night=rng.random((40, 2, 8, 8), np.float32), day=rng.random(40))
    write_table(Path("people.csv"))
    write_table(Path("more_people.csv"), 5)
    np.save("waves.npy", rng.normal(50, 20, (40, 12, 3)))
    Path("book.txt").write_text("It was the best of times, it was the worst of times. " * 20)
