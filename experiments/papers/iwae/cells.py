"""A cell: one row, one protocol, one seed. Trained, interrupted, gone on with, and scored once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax

from experiments.papers.iwae.images import prepare_of, prepared, read
from experiments.papers.iwae.models import make_model
from experiments.papers.iwae.protocols import PROTOCOLS, Settings, make_step
from experiments.papers.iwae.rows import Row
from experiments.papers.iwae.scores import rate_of, score
from vae_jax.checkpoint import Checkpoints
from vae_jax.checks import check_count
from vae_jax.configs import Data
from vae_jax.models import VAE
from vae_jax.objectives import batch_size as size_of
from vae_jax.runs import folder as files
from vae_jax.runs.circumstances import circumstances
from vae_jax.runs.lock import locked
from vae_jax.train import Fitted, fit
from vae_jax.train.epochs import steps_of
from vae_jax.types import Key, Params, Progress

Json = dict[str, Any]
PROGRAM = "python -m experiments.papers.iwae"

_EVALUATIONS = 10  # in a run, each with a checkpoint


class Cell(NamedTuple):
    """What is run."""

    row: Row
    protocol: str
    settings: Settings
    seed: int

    @property
    def name(self) -> str:
        """Of its folder: row, protocol, the numbers that are not the protocol's, seed."""
        changed = [f"{name}={value}" for name, value in self._changed().items()]
        return "-".join([self.row.name, self.protocol, *changed, str(self.seed)])

    @property
    def command(self) -> str:
        """What makes it."""
        options = [
            f"--{name.replace('_', '-')} {value or 0}" for name, value in self._changed().items()
        ]
        of = f"--protocol {self.protocol} --seeds {self.seed}"
        return " ".join([PROGRAM, self.row.name, of, *options, "--raw FOLDER"])

    def identity(self) -> Json:
        """What makes it another than other cells."""
        settings = self.settings._asdict()
        names = {"row": self.row.name, "protocol": self.protocol, "seed": self.seed}
        return {**names, "settings": settings}

    def _changed(self) -> Json:
        usual = PROTOCOLS[self.protocol].settings[self.row.data]._asdict()
        ours = self.settings._asdict()
        return {name: value for name, value in ours.items() if value != usual[name]}


def run(
    cell: Cell,
    raw: Path | None,
    runs: Path,
    report: Callable[[Json], None] = lambda row: None,
    stop: Callable[[], bool] = lambda: False,
    scoring: Callable[[], None] = lambda: None,
    progress: Progress = iter,
) -> Json | None:
    """The cell's result, from its folder if it is there; None where `stop` ended the training.

    Args:
      cell: what is run.
      raw: of `images.read`.
      runs: where its folder is, or will be.
      report: called with each row of `fit`.
      stop: asked after each epoch.
      scoring: called when training is done and saved.
      progress: wraps the loop over the test images.

    Raises:
      ValueError: the folder is of a cell with other settings. BlockingIOError: it is being trained.
    """
    folder = (runs / cell.name).absolute()
    dataset = None if _is_finished(folder) else read(cell.row.data, raw)
    _claim(folder, cell)
    with locked(folder):
        if dataset is None or _is_finished(folder):
            return files.read_json(folder / "result.json")
        model, data = make_model(cell.row.layers, dataset), prepared(cell.row.data, dataset)
        # `fit` takes the first two of its key's split
        fit_key = jax.random.key(cell.seed)
        _, _, score_key = jax.random.split(fit_key, 3)
        fitted = _fit(cell, folder, model, data, fit_key, report, stop)
        if fitted.ended == "interrupted":
            return None
        scoring()
        result = {
            **cell.identity(),
            **score(cell.row.layers, model, fitted.params, score_key, data.test, progress),
            **made_by(_seconds(folder)),
            "command": cell.command,
            **circumstances(),
        }
        files.write_json(folder / "result.json", result)
        return result


def made_by(training_seconds: float, seeds: int = 1) -> Json:
    """What trained a cell, and how long: seconds for all seeds that were trained at once."""
    return {
        "training_seconds": training_seconds,
        "seeds_at_once": seeds,
        "machine": jax.devices()[0].device_kind,
    }


def _fit(
    cell: Cell,
    folder: Path,
    model: VAE,
    data: Data,
    key: Key,
    report: Callable[[Json], None],
    stop: Callable[[], bool],
) -> Fitted:
    settings, train = cell.settings, data.train
    assert isinstance(train, dict)
    check_count("epochs", settings.epochs)
    files.forget_after(folder / "metrics.jsonl", _last_epoch(folder))  # they are made again
    steps = settings.epochs * steps_of(size_of(train), settings.batch_size)

    def keep(row: Json, params: Params) -> None:
        del params
        files.append(folder / "metrics.jsonl", row)
        report(row)

    return fit(
        model,
        make_step(cell.protocol, settings, cell.row.objective(model), steps),
        train,
        key=key,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        prepare=prepare_of(cell.row.data),
        held_out=data.test,
        rate=rate_of(cell.row.layers),
        score=None,
        evaluate_every=max(1, settings.epochs // _EVALUATIONS),
        folder=folder / "checkpoints",
        resume=True,
        report=keep,
        stop=stop,
    )


def _is_finished(folder: Path) -> bool:
    return (folder / "result.json").exists()


def _claim(folder: Path, cell: Cell) -> None:
    """Note whose folder it is. ValueError where it is another's."""
    path = folder / "config.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        files.write_json(path, cell.identity())
    noted = files.read_json(path)
    if noted != cell.identity():
        raise ValueError(
            f"{folder} is of another cell, {noted}, where this is {cell.identity()}: the protocol"
            " has changed since. Remove the folder, or name another with --runs."
        )


def _last_epoch(folder: Path) -> int:
    """Of the checkpoints; 0 where there is none."""
    if not (folder / "checkpoints").is_dir():
        return 0
    with Checkpoints(folder / "checkpoints", write=False) as checkpoints:
        return max(checkpoints.epochs, default=0)


def _seconds(folder: Path) -> float:
    """Of the epochs that made the result, compilation and all; work that was lost is not in it."""
    rows = files.read_rows(folder / "metrics.jsonl")
    return sum(row["seconds"] for row in rows if row["data"] == "train")
