"""Train a VAE, score it in nats, draw its pictures.

Examples:
  {prog} digits
  {prog} mnist_vae --raw FOLDER --epochs 100 --hold-out 5000 --patience 5
  {prog} digits --help
  {prog} --resume runs/digits-1
  {prog} --resume runs/digits-1 --epochs 1200

An interrupted run (SIGTERM, Ctrl-C) saves a checkpoint at the end of its epoch and exits with 75
(SIGTERM) or 130; --resume goes on with it. A run that was killed goes on from its last checkpoint.
"""

import difflib
import functools
import inspect
import operator
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import tyro

from vae_jax import runs
from vae_jax.cli import command
from vae_jax.cli.options import same_options
from vae_jax.cli.signals import Signals, handled
from vae_jax.cli.terminal import EpochBar, console, print_scores, track
from vae_jax.configs import Config, Data, Experiment, find, names
from vae_jax.networks import describe
from vae_jax.runs import Ended, Training, Watch
from vae_jax.runs.folder import read_status
from vae_jax.runs.pictures import Missing

_DEFAULT = Training()


class Chosen(NamedTuple):
    """A config by name, with its options."""

    name: str
    options: dict[str, Any]


def main(
    arguments: Sequence[str] | None = None,
    prog: str = "vae_jax train",
    configs: command.Configs = None,
) -> int:
    """The command line; returns the exit status.

    Args:
      arguments: without the program's name; None for those of this process.
      prog: what the program is called in its help.
      configs: of a script that is in no package, by name: {"mine": mine}.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    about = (__doc__ or "").format(prog=prog)
    if any(argument.split("=")[0] == "--resume" for argument in arguments):
        return command.run(_resume, arguments, prog, about, configs)
    if not arguments or arguments[0].startswith("-"):
        loaded, broken = _loaded(configs)
        about = f"{about.strip()}\n\n{broken}"
        return command.run(_any_config(loaded), arguments, prog, about, configs)
    name, *rest = arguments
    if name not in names(configs):
        return command.fail(_unknown(name, configs), 2)
    try:
        config = find(name, configs).load()
    except Exception as error:  # of whatever kind: it is another package's
        return command.fail(f"{name} cannot be had: {_why(error)}")
    return command.run(_one_config(name, config), rest, f"{prog} {name}", _about(config), configs)


def _resume(
    resume: Path,
    epochs: int | None = None,
    learning_rate: float | None = None,
    data: str | None = None,
    configs: command.Configs = None,
) -> int:
    """Go on with a run.

    Args:
      resume: The run folder.
      epochs: Make it longer: epochs in all, those that are done among them. The learning rate then
        begins anew, and falls to zero at their end.
      learning_rate: Where it begins then; by default where it began before.
      data: Where its data are now, if they have moved since.
    """
    return _watched(lambda watch: runs.resume(resume, data, epochs, learning_rate, watch, configs))


def _start(chosen: Chosen, training: Training, out: Path | None, configs: command.Configs) -> int:
    name, options = chosen
    return _watched(lambda watch: runs.start(name, options, training, out, watch, configs))


def _watched(go: Callable[[Watch], Ended]) -> int:
    """Run with a bar on the terminal and signals heeded."""
    with handled() as signals, EpochBar() as bar:
        ended = go(_watch(signals, bar))
        bar.stop()
        if ended.ended == "interrupted":
            _say(f"Interrupted; go on with --resume {ended.folder}")
            return signals.status
        if ended.scores is not None:
            print_scores(ended.scores, read_status(ended.folder))
        if ended.ended == "stopped early":
            _say("Stopped early: no better evaluation within the patience.")
        _say(f"\nRun folder: {ended.folder}\nReport:     {ended.folder / 'report.html'}")
    return 0


def _say(text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True)  # a path stays in one piece


def _watch(signals: Signals, bar: EpochBar) -> Watch:
    def begin(experiment: Experiment, data: Data, first: int) -> None:
        x, c = jax.tree.map(lambda leaf: leaf[0], (data.test["x"], data.test.get("c")))
        console.print(describe(experiment.trained.model, x, c), highlight=False)
        if 1 < first <= experiment.trained.epochs:
            _say(f"Going on from the checkpoint of epoch {first - 1}.")
        bar.begin(experiment.trained.epochs, first)
        signals.waiting = True

    def scoring(batches: Any) -> Any:
        bar.stop()
        signals.end_waiting()  # training is saved
        return track("log p(x)")(batches)

    def missing(pictures: Missing) -> None:
        for name, why in pictures.items():
            _say(f"There is no picture {name}: {why}")

    return Watch(begin, bar.update, missing, scoring, signals.received)


def _loaded(own: command.Configs) -> tuple[dict[str, Config], str]:
    """The configs that can be had, and what is to be said of the others."""
    loaded, broken = {}, []
    for name in names(own):
        try:
            loaded[name] = find(name, own).load()
        except Exception as error:  # help survives a package that cannot be imported
            broken.append(f"{name} cannot be had: {_why(error)}")
    return loaded, "\n".join(broken)


def _why(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if not isinstance(error, ValueError) else str(error)


def _any_config(loaded: dict[str, Config]) -> Callable[..., int]:
    """The function whose signature is the command line: one subcommand for each config."""
    configs = tuple(
        Annotated[
            Chosen,
            tyro.conf.subcommand(
                name, description=_about(config).split("\n")[0], constructor=_recorded(name, config)
            ),
        ]
        for name, config in loaded.items()
    )
    about = "What to train. Each has options of its own: <config> --help."
    return _starting(functools.reduce(operator.or_, configs), about)


def _one_config(name: str, config: Config) -> Callable[..., int]:
    """The same of one config: options of others are not suggested."""
    chosen = Annotated[Chosen, tyro.conf.arg(constructor=_recorded(name, config))]
    return _starting(chosen, "Of this one.")


def _starting(choice: Any, about: str) -> Callable[..., int]:
    def start(
        config: Any,
        training: Training = _DEFAULT,
        out: Path | None = None,
        configs: command.Configs = None,
    ) -> int:
        """Train.

        Args:
          config: {about}
          training: Of every config.
          out: A new folder for the run; by default runs/<config>-<n>.
        """
        return _start(config, training, out, configs)

    start.__doc__ = (start.__doc__ or "").replace("{about}", about)
    start.__annotations__["config"] = choice
    return start


def _recorded(name: str, config: Config) -> Callable[..., Chosen]:
    """The options of a config, which is called once all options are known to be good."""

    @same_options(config)
    def call(**options: Any) -> Chosen:
        return Chosen(name, options)

    return call


def _about(config: Config) -> str:
    """A docstring without the options."""
    return (inspect.getdoc(config) or "").split("\nArgs:")[0].strip()


def _unknown(name: str, own: command.Configs) -> str:
    known = names(own)
    close = difflib.get_close_matches(name, known, n=1)
    suggestion = f" Did you mean '{close[0]}'?" if close else ""
    return f"there is no config '{name}'.{suggestion} There are: {', '.join(known)}."
