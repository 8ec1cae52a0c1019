"""Keep the scores of finished runs in results/experiments.json: the table of the README is of them,
and that of docs/experiments.md.

python -m experiments.keep runs/digits-1 runs/mnist_vae-1
python -m experiments.keep --table

Prints what the README says of each, or the table of all. The time is that from a run's config to
its scores, so it is right for runs that nobody interrupted or scored again.
"""

import inspect
import sys
from pathlib import Path
from typing import Annotated, Any

import tyro

from vae_jax.configs.lookup import CONFIGS
from vae_jax.configs.options import to_json
from vae_jax.runs import Training
from vae_jax.runs import folder as files

Json = dict[str, Any]

_SHOWN = (
    "time",
    "score",
    "pictures",
    "tensorboard",
    "profile",
)  # without which the numbers are the same


def main(
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional] = (),
    out: Path = Path("results/experiments.json"),
    table: bool = False,
) -> None:
    """Keep the scores of finished runs.

    Args:
      runs: Their folders.
      out: File of all scores that are kept, one for each config.
      table: Print the table of all that are kept.
    """
    kept = {run["config"]: run for run in load(out)}
    if table:
        print(table_of(list(kept.values())))
        return
    for folder in runs:
        found = read(folder)
        kept[found["config"]] = found
        print(line(found))
    out.parent.mkdir(parents=True, exist_ok=True)
    files.write_json(out, {"runs": [kept[name] for name in sorted(kept)]})


def load(path: Path) -> list[Json]:
    """The runs that are kept, [] where there is no file yet."""
    return files.read_json(path)["runs"] if path.exists() else []


def read(folder: Path) -> Json:
    """What is kept of a run: its config and circumstances, its time, its scores."""
    config, scores = files.read_config(folder), files.read_json(folder / "evaluation.json")
    if config.get("resumed"):
        raise ValueError(
            f"{folder} went on on another machine, and its time is not known: run anew."
        )
    written = [(folder / name).stat().st_mtime for name in ("config.json", "evaluation.json")]
    about = {name: config[name] for name in ("training", "versions", "commit", "device")}
    return {
        "config": config["config"],
        "command": command(config),
        "seconds": round(written[1] - written[0], 1),
        "scores": scores,
        **about,
        "options": {k: v for k, v in config["options"].items() if k not in ("raw", "data")},
    }


def command(config: Json) -> str:
    """What began a run, wherever its data were."""
    options = config["options"]
    places = {"raw": " --raw FOLDER", "data": " --data FILE"}
    place = "".join(text for name, text in places.items() if name in options)
    asked = "".join(f" --{name.replace('_', '-')}{value}" for name, value in changed(config))
    return f"python -m experiments.train {config['config']}{place}{asked}"


def changed(config: Json) -> list[tuple[str, str]]:
    """The options of a run that are others than its config's own, as they are written; none of
    another package's config, which is not known here."""
    if config["config"] not in CONFIGS:
        return []
    known = inspect.signature(CONFIGS[config["config"]]).parameters
    own = to_json({name: p.default for name, p in known.items()})
    own |= own.get("choices", {}) | vars(Training())
    options = {n: v for n, v in config["options"].items() if n not in ("raw", "data", "choices")}
    options |= config["options"].get("choices", {}) | config["training"]
    said = {name: v for name, v in options.items() if name in own and name not in _SHOWN}
    return [(name, _spelt(v)) for name, v in said.items() if v != _plain(own[name])]


def line(run: Json) -> str:
    """The last columns of a run's row: time, -ELBO and -log p(x), nats, and how many samples."""
    elbo, likelihood = run["scores"]["elbo"], run["scores"]["log_likelihood"]
    digits = 1 if abs(likelihood["value"]) >= 200 else 2
    columns = (
        _time(run["seconds"]),
        f"{-elbo['elbo']:.{digits}f} ± {elbo['elbo_standard_error']:.{digits}f}",
        f"{-likelihood['value']:.{digits}f} ± {likelihood['standard_error_over_images']:.{digits}f}"
        f" ({likelihood['importance_samples']:,})",
    )
    return " | ".join(columns)


def table_of(runs: list[Json]) -> str:
    """A row for each run: -ELBO, -log p(x) and rate in nats, bits per dimension, active units."""
    names = ["`python -m experiments.train`", "time", "-ELBO", "-log p(x) (samples)", "rate"]
    names += ["bits per dimension", "active units"]
    return "\n".join([f"| {' | '.join(names)} |", "|---" * len(names) + "|", *map(_row, runs)])


def _row(run: Json) -> str:
    scores, began = run["scores"], run["command"].removeprefix("python -m experiments.train ")
    units, bits = scores.get("active_units"), scores.get("bits_per_dim")
    active = f"{units['number']} of {units['latents']}" if units else ""
    columns = (line(run), f"{scores['elbo']['rate']:.1f}", f"{bits:.2f}" if bits else "", active)
    return f"| `{began}` | {' | '.join(columns)} |"


def _plain(value: Any) -> Any:
    """As JSON has it."""
    return list(value) if isinstance(value, tuple) else value


def _spelt(value: Any) -> str:
    """As a command line has it, behind its name."""
    parts = value if isinstance(value, list) else [] if value is True else [value]
    return "".join(f" {part}" for part in parts)


def _time(seconds: float) -> str:
    return f"{10 * round(seconds / 10)} s" if seconds < 60 else f"{round(seconds / 60)} min"


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m experiments.keep"))
