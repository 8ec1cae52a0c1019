"""The numbers that are shown are those that were measured, and say by which command."""

import json
import re
from pathlib import Path

import pytest

from experiments import keep
from experiments.accelerator import tables
from experiments.benchmarks import (
    anatomy,
    defaults,
    devices,
    draws,
    flows,
    likelihood,
    precision,
    scaling,
    training,
)
from experiments.papers.iwae import results
from experiments.sweeps import collapse, digits_capacity, fashion_sigma, gradient_depth, kept

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "results").glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_result_names_the_command_that_made_it(path):
    found = json.loads(path.read_text())
    for result in found.get("cells") or found.get("runs") or [found]:
        assert result["command"].startswith("python -m experiments.")
        assert "jax" in json.dumps(result)  # the versions


def test_the_table_of_the_papers_is_that_of_the_results():
    shown = (ROOT / "docs/papers.md").read_text()
    _, table = shown.split("<!-- python -m experiments.papers.iwae --table -->\n")
    cells = results.load(ROOT / "results/iwae.json")
    assert len(cells) > 0
    assert table.startswith(results.table(cells) + "\n<!-- end -->")


def test_the_tables_of_an_accelerator_are_those_of_the_results():
    shown = (ROOT / "docs/accelerators.md").read_text()
    _, table = shown.split("<!-- python -m experiments.accelerator --out results --table -->\n")
    assert table.removesuffix("\n<!-- end -->\n") == tables.all_of(ROOT / "results")
    assert "NVIDIA H200" in table


@pytest.mark.parametrize("benchmark", [anatomy, likelihood, scaling, training])
def test_the_tables_of_the_benchmarks_are_those_of_the_results(benchmark):
    name = benchmark.__name__.split(".")[-1]
    rows = json.loads((ROOT / f"results/{name}.json").read_text())["rows"]
    shown = (ROOT / "docs/performance.md").read_text().splitlines()
    assert len(rows) > 3
    assert [row for row in map(benchmark.line, rows) if row not in shown] == []


def test_the_times_of_draws_are_those_of_the_results():
    shown = (ROOT / "docs/architectures.md").read_text()
    _, table = shown.split("<!-- python -m experiments.benchmarks.draws -->\n")
    rows = draws.load(ROOT / "results/draws.json")
    assert table.startswith(draws.table_of(rows) + "\n<!-- end -->")


def test_the_densities_of_flows_are_those_of_the_results():
    _, table = (
        (ROOT / "docs/priors.md")
        .read_text()
        .split("<!-- python -m experiments.benchmarks.flows -->\n")
    )
    found = json.loads((ROOT / "results/flows.json").read_text())
    assert table.startswith(flows.table_of(found["rows"], found["limits"]) + "\n<!-- end -->")


def test_the_table_of_several_devices_is_that_of_the_results():
    found = json.loads((ROOT / "results/devices.json").read_text())
    assert devices.table(found) in (ROOT / "docs/performance.md").read_text()


def test_the_table_of_the_defaults_is_that_of_the_results():
    shown = (ROOT / "docs/defaults.md").read_text()
    _, table = shown.split("<!-- python -m experiments.benchmarks.defaults --table -->\n")
    found = json.loads((ROOT / "results/defaults.json").read_text())
    assert table.startswith(defaults.table_of(found) + "\n<!-- end -->")


def test_the_table_of_bfloat16_is_that_of_the_results():
    shown = (ROOT / "docs/accelerators.md").read_text()
    _, table = shown.split("<!-- python -m experiments.benchmarks.precision --table -->\n")
    found = json.loads((ROOT / "results/precision.json").read_text())
    assert table.startswith(precision.table_of(found) + "\n<!-- end -->")


def test_the_table_of_the_experiments_is_that_of_the_results():
    runs = keep.load(ROOT / "results/experiments.json")
    _, table = (
        (ROOT / "docs/experiments.md")
        .read_text()
        .split("<!-- python -m experiments.keep --table -->\n")
    )
    assert table.startswith(keep.table_of(runs) + "\n<!-- end -->")
    by_config, shown = {run["config"]: run for run in runs}, (ROOT / "README.md").read_text()
    rows = [
        row for row in shown.splitlines() if re.match(r"\| `\w+[^|]*\|[^|]*\| \d+ (s|min) ", row)
    ]
    assert len(rows) == 5
    for row in rows:
        config = re.match(r"\| `(\w+)", row).group(1)
        assert row.endswith(f" | {keep.line(by_config[config])} |")


def test_the_slopes_of_the_signal_to_noise_ratios_are_those_of_the_results():
    found = json.loads((ROOT / "results/signal_to_noise.json").read_text())["found"]
    shown = (ROOT / "docs/papers.md").read_text()
    for over, slopes in found.items():
        (row,) = (row for row in shown.splitlines() if row.startswith(f"| over {over} "))
        assert row.endswith(" | ".join(f"{s['slope']:+.3f}" for s in slopes.values()) + " |")


@pytest.mark.parametrize(
    ("name", "label"), [("digits_beta", "beta"), ("digits_latents", "latents")]
)
def test_the_tables_of_the_sweeps_are_those_of_the_results(name, label):
    shown = (ROOT / "docs/collapse.md").read_text()
    _, table = shown.split(f"<!-- python -m experiments.sweeps.{name} -->\n")
    points = kept.load(ROOT / f"results/{name}.json")
    assert table.startswith(kept.table(label, points) + "\n<!-- end -->")


@pytest.mark.parametrize(
    ("sweep", "page"),
    [
        (digits_capacity, "collapse"),
        (collapse, "collapse"),
        (gradient_depth, "architectures"),
        (fashion_sigma, "likelihoods"),
    ],
    ids=lambda one: getattr(one, "__name__", one),
)
def test_the_table_of_a_sweep_is_that_of_its_results(sweep, page):
    shown, name = (ROOT / f"docs/{page}.md").read_text(), sweep.__name__.split(".")[-1]
    _, table = shown.split(f"<!-- python -m experiments.sweeps.{name} -->\n")
    found = sweep.load(ROOT / f"results/{name}.json")
    assert table.startswith(sweep.table(found) + "\n<!-- end -->")
