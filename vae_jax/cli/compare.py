"""Runs side by side: a table of their scores, and one plot of their bounds by epoch.

Example:
  {prog} runs/digits-1 runs/digits-2 --out comparison.png
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.table import Table

from vae_jax import plots
from vae_jax.cli import command
from vae_jax.cli.output import check_place
from vae_jax.cli.terminal import console
from vae_jax.report import scored_at, watched
from vae_jax.report.numbers import flatten
from vae_jax.runs.folder import read_config, read_evaluation, read_rows, read_status

Json = dict[str, Any]


def main(
    arguments: Sequence[str] | None = None,
    prog: str = "vae_jax compare",
    configs: command.Configs = None,
) -> int:
    """The command line; returns the exit status."""
    return command.run(_compare, arguments, prog, (__doc__ or "").format(prog=prog), configs)


_Runs = Annotated[tuple[Path, ...], tyro.conf.arg(metavar="PATH PATH ...", help_behavior_hint="")]


def _compare(
    runs: tyro.conf.Positional[_Runs],
    out: Path = Path("compare.png"),
    configs: command.Configs = None,
) -> None:
    """Compare.

    Args:
      runs: Two run folders or more.
      out: The plot.
    """
    del configs  # only what stands in the folders is compared
    check_place(out)
    if len(runs) < 2:
        raise ValueError(f"compare needs two run folders or more; got {len(runs)}.")
    configs_of = [read_config(run) for run in runs]
    _print_differences(runs, configs_of)
    _print_scores(runs)
    curves = {
        f"{run} ({watched(config)})": _evaluated(run)
        for run, config in zip(runs, configs_of, strict=True)
    }
    plots.save_comparison(out, {name: rows for name, rows in curves.items() if rows})
    console.print(str(out), soft_wrap=True)


def _evaluated(run: Path) -> list[Json]:
    return [row for row in read_rows(run / "metrics.jsonl") if "elbo" in row]


def _print_differences(runs: Sequence[Path], configs: Sequence[Json]) -> None:
    """The options that are not the same in all."""
    flat = [_options(config) for config in configs]
    names = dict.fromkeys(name for options in flat for name in options)
    table = Table("option", *map(str, runs))
    for name in names:
        values = [options.get(name, "-") for options in flat]
        if any(value != values[0] for value in values):
            table.add_row(name, *map(str, values))
    if table.row_count:
        console.print(table)


def _options(config: Json) -> Json:
    """By name, those of a config, of its training, and what was done after it: how the run was made
    longer, which prior was fitted."""
    longer = ", ".join(
        f"to {more['epochs']} from {more['learning_rate']}" for more in config.get("extensions", [])
    )
    options = flatten({**config["options"], **config["found"], **config["training"]})
    named = {name.rpartition(".")[2]: value for name, value in options.items()}
    after = {"extensions": longer} if longer else {}
    if "prior" in config:
        after["fitted prior"] = config["prior"]["fit"]
    return {"config": config["config"], **named, **after}


def _print_scores(runs: Sequence[Path]) -> None:
    table = Table("nats, on the test data", *map(str, runs))
    scores = [_scores(run) for run in runs]
    for name in dict.fromkeys(name for score in scores for name in score):
        table.add_row(
            name, *(score.get(name, "-" if score else "not evaluated") for score in scores)
        )
    console.print(table)


def _scores(run: Path) -> dict[str, str]:
    scores = read_evaluation(run)
    if not scores:
        return {}
    found = {"": scored_at(scores, read_status(run))}
    found |= _bound(scores) if "elbo" in scores else _no_bound(scores)
    if "active_units" in scores:
        units = scores["active_units"]
        found["active units"] = f"{units['number']} of {units['latents']}"
    if "bits_per_dim" in scores:
        found["bits per dimension"] = f"{scores['bits_per_dim']:.3f}"
    return {**found, **_baselines(scores)}


def _baselines(scores: Json) -> dict[str, str]:
    """What densities without latents have, a uniform code in bits alone."""
    nats, bits = scores.get("baselines", {}), scores.get("baselines_bits_per_dim", {})
    found = {
        f"-log p(x), {_words(name)}": f"{-value:.2f}"
        for name, value in nats.items()
        if name != "uniform"
    }
    return found | {f"bits, {_words(name)}": f"{value:.3f}" for name, value in bits.items()}


def _words(name: str) -> str:
    return f"{name.replace('_', ' ')}, without latents"


def _bound(scores: Json) -> dict[str, str]:
    elbo, log_p = scores["elbo"], scores["log_likelihood"]
    return {
        "-ELBO": f"{-elbo['elbo']:.2f} \N{PLUS-MINUS SIGN} {elbo['elbo_standard_error']:.2f}",
        "  distortion": f"{elbo['distortion']:.2f}",
        "  rate": f"{elbo['rate']:.2f}",
        "-log p(x)": f"{-log_p['value']:.2f} \N{PLUS-MINUS SIGN}"
        f" {log_p['standard_error_over_images']:.2f}",
        "  importance samples": f"{log_p['importance_samples']:,}",
    }


def _no_bound(scores: Json) -> dict[str, str]:
    distortion = scores["distortion"]
    error = f"\N{PLUS-MINUS SIGN} {distortion['standard_error']:.2f}"
    return {"  distortion": f"{distortion['value']:.2f} {error}"}
