"""The choice of a config and of its options: functions whose signature is the command line."""

import difflib
import functools
import inspect
import operator
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args, get_type_hints

import tyro

from vae_jax.cli.command import Configs
from vae_jax.cli.options import Numbers, same_options
from vae_jax.configs import Config, find, names
from vae_jax.configs.preset import with_defaults
from vae_jax.runs import Training

_DEFAULT = Training()


class Chosen(NamedTuple):
    """A config by name, with its options."""

    name: str
    options: dict[str, Any]


class Asked(NamedTuple):
    """What is to be trained.

    Fields:
      chosen: the config and its options.
      training: options of every run.
      seeds: as given; () for the one among the config's options.
      at_once: whether all seeds are trained in one program.
      out: the folder; None for one in runs/.
    """

    chosen: Chosen
    training: Training
    seeds: tuple[int, ...]
    at_once: bool
    out: Path | None


Start = Callable[[Asked, Configs], int]


def loaded(own: Configs) -> tuple[dict[str, Config], str]:
    """The configs that can be had, and what is to be said of the others."""
    found, broken = {}, []
    for name in names(own):
        try:
            found[name] = find(name, own).load()
        except Exception as error:  # help survives a package that cannot be imported
            broken.append(f"{name} cannot be had: {why(error)}")
    return found, "\n".join(broken)


def any_config(found: dict[str, Config], start: Start) -> Callable[..., int]:
    """The function whose signature is the command line: one subcommand for each config."""
    configs = tuple(
        Annotated[
            Chosen,
            tyro.conf.subcommand(
                name, description=about(config).split("\n")[0], constructor=_recorded(name, config)
            ),
        ]
        for name, config in found.items()
    )
    which = "What to train. Each has options of its own: <config> --help."
    return _starting(functools.reduce(operator.or_, configs), which, _DEFAULT, start)


def one_config(
    name: str, config: Config, start: Start, training: Training = _DEFAULT
) -> Callable[..., int]:
    """The same of one config: options of others are not suggested."""
    chosen = Annotated[Chosen, tyro.conf.arg(constructor=_recorded(name, config))]
    return _starting(chosen, "Of this one.", training, start)


def like(config: Config, options: dict[str, Any]) -> Config:
    """The same config with the options of a run for defaults, each of the kind it is declared."""
    kinds = get_type_hints(config)
    return with_defaults(config, {name: _as(kinds[name], options[name]) for name in options})


def _as(kind: Any, value: Any) -> Any:
    """A path in config.json is a string; the command line wants the default to be of its kind."""
    return Path(value) if isinstance(value, str) and Path in (kind, *get_args(kind)) else value


def about(config: Config) -> str:
    """A docstring without the options."""
    return (inspect.getdoc(config) or "").split("\nArgs:")[0].strip()


def why(error: Exception) -> str:
    """An error of another package, in a line."""
    return f"{type(error).__name__}: {error}" if not isinstance(error, ValueError) else str(error)


def unknown(name: str, own: Configs) -> str:
    """That there is no config of a name, and what it may have been meant to be."""
    known = names(own)
    close = difflib.get_close_matches(name, known, n=1)
    suggestion = f" Did you mean '{close[0]}'?" if close else ""
    return f"there is no config '{name}'.{suggestion} There are: {', '.join(known)}."


def _starting(choice: Any, which: str, default: Training, begin: Start) -> Callable[..., int]:
    def start(
        config: Any,
        training: Training = default,
        seeds: Numbers = (),
        at_once: bool = False,
        out: Path | None = None,
        configs: Configs = None,
    ) -> int:
        """Train.

        Args:
          config: {which}
          training: Of every config.
          seeds: Runs one after another, and a table: 3 for seeds 0, 1, 2; 4 7 for these two.
          at_once: Of seeds: all of them in one program, in the memory of as many models.
          out: A new folder for the run; by default runs/<config>-<n>. Of seeds, that of their runs.
        """
        return begin(Asked(config, training, seeds, at_once, out), configs)

    start.__doc__ = (start.__doc__ or "").replace("{which}", which)
    start.__annotations__["config"] = choice
    return start


def _recorded(name: str, config: Config) -> Callable[..., Chosen]:
    """The options of a config, which is called once all options are known to be good."""

    @same_options(config)
    def call(**options: Any) -> Chosen:
        return Chosen(name, options)

    return call
