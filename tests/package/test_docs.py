"""The pages of docs/ run as written: Python blocks from top to bottom, commands of experiments.

Of a page that shows what it prints, in a ```text block right behind the code, words and whole
numbers are those printed, and a number with decimals is off by one of its last digit at most: keys
are fixed, but another version of JAX, or another processor, rounds otherwise.
"""

import contextlib
import io
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import optax
import pytest

from tests.package.test_readme import blocks, fenced
from vae_jax import descend, standard_gaussian, vae, weighted_sum
from vae_jax.networks import MLP, BernoulliHead, GaussianHead, Network

DOCS = Path(__file__).parents[2] / "docs"


NUMBER = re.compile(r"-?\d[\d,]*(?:\.(?P<decimals>\d+))?(?:e(?P<exponent>[-+]?\d+))?")


def shown_behind(text, line, code):
    """The ```text block right behind a block of code, or nothing."""
    behind = text.split("\n", line)[line].removeprefix(code)
    found = re.match(r"```\n\n```text\n(.*?)^```$", behind, re.MULTILINE | re.DOTALL)
    return found.group(1) if found else ""


def agrees(shown, printed):
    """Whether two texts have the same words, and the same numbers to the digits shown."""
    numbers = zip(NUMBER.finditer(shown), NUMBER.finditer(printed), strict=False)
    words = [NUMBER.sub("#", text).split() for text in (shown, printed)]
    return words[0] == words[1] and all(_close(*pair) for pair in numbers)


def _close(shown, printed):
    a, b = (float(found.group().replace(",", "")) for found in (shown, printed))
    decimals = shown["decimals"]
    if decimals is None:
        return a == b
    return abs(a - b) <= 1.01 * 10.0 ** (int(shown["exponent"] or 0) - len(decimals))


def test_what_is_shown_is_compared_to_its_last_digit():
    text = "a\n```python\nx = 1\n```\n\n```text\n1\n```\n```python\ny = 1\n```\n"
    assert [shown_behind(text, *block) for block in blocks(text)] == ["1\n", ""]
    assert agrees("ELBO -2.89, K = 4\n", "ELBO  -2.90, K = 4\n")
    assert agrees("1.2e-07 of 10,000", "1.1e-07 of 10,000")
    for other in ("ELBO -2.91, K = 4", "ELBO -2.89, K = 5", "IWAE -2.89, K = 4", "ELBO -2.89"):
        assert not agrees("ELBO -2.89, K = 4", other)
    assert not agrees("1.2e-07", "1.4e-07")


@pytest.mark.parametrize(
    "page",
    ["elbo", "from_pytorch", "likelihoods", "architectures", "recipes", "something_is_wrong"],
)
def test_a_page_prints_what_it_shows(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = DOCS / f"{page}.md"
    text, namespace = path.read_text(encoding="utf-8"), {"__name__": page}
    assert len(blocks(text)) > 2
    for line, code in blocks(text):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile("\n" * line + code, path.name, "exec"), namespace)
        shown = shown_behind(text, line, code)
        assert agrees(shown, printed.getvalue()), (
            f"{path.name}, line {line + 1}: {printed.getvalue()}"
        )


def slug(heading):
    """A heading as an address, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def headings(path):
    prose = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return {slug(heading) for heading in re.findall(r"^#+ (.*)$", prose, re.MULTILINE)}


@pytest.mark.parametrize(
    "path",
    [*sorted(DOCS.glob("*.md")), *sorted(DOCS.parent.glob("README*.md"))],
    ids=lambda path: path.name,
)
def test_the_links_of_a_page_lead_somewhere(path):
    text = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)]+)\)", text):
        if link.startswith("http"):
            continue
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), link
        assert not anchor or anchor in headings(target), link


@pytest.mark.parametrize(
    ("page", "least"),
    [
        *(("library", 5), ("accelerators", 5), ("experiments", 1), ("collapse", 2)),
        *(("priors", 4), ("codes", 2)),
    ],
)
def test_the_python_of_a_page_runs(page, least, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = DOCS / f"{page}.md"
    namespace = {"__name__": page}
    found = blocks(path.read_text())
    assert len(found) >= least
    for line, code in found:
        exec(compile("\n" * line + code, path.name, "exec"), namespace)


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
