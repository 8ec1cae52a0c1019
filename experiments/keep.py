"""Keep the scores of finished runs in results/experiments.json: the table of the README is of them.

python -m experiments.keep runs/digits-1 runs/mnist_vae-1

Prints what the table says of each. The time is that from a run's config to its scores, so it is
right for runs that nobody interrupted or scored again.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import tyro

from vae_jax.runs import folder as files

Json = dict[str, Any]


def main(
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional],
    out: Path = Path("results/experiments.json"),
) -> None:
    """Keep the scores of finished runs.

    Args:
      runs: Their folders.
      out: File of all scores that are kept, one for each config.
    """
    kept = {run["config"]: run for run in load(out)}
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
    """What began a run, wherever its data were; its other options are kept beside it."""
    folder = " --raw FOLDER" if "raw" in config["options"] else ""
    return f"python -m experiments.train {config['config']}{folder}"


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


def _time(seconds: float) -> str:
    return f"{10 * round(seconds / 10)} s" if seconds < 60 else f"{round(seconds / 60)} min"


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m experiments.keep"))
