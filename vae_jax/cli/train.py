"""Train a VAE, score it in nats, draw its pictures.

Examples:
  {prog} digits
  {prog} mnist_vae --raw FOLDER --epochs 100 --hold-out 5000 --patience 5
  {prog} digits --help
  {prog} digits --seeds 3 --at-once
  {prog} --like runs/digits-1 --latents 4
  {prog} --resume runs/digits-1 --epochs 1200

An interrupted run (SIGTERM, SIGHUP, Ctrl-C) saves a checkpoint at the end of its epoch and exits
with 75, of Ctrl-C 130; --resume goes on with it. A run that was killed goes on from its last
checkpoint.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vae_jax import runs
from vae_jax.cli import choice, command
from vae_jax.cli.choice import Asked
from vae_jax.cli.seeds import start_seeds
from vae_jax.cli.streams import forgiving
from vae_jax.cli.watched import watched
from vae_jax.configs import find, names
from vae_jax.configs.options import from_json
from vae_jax.runs.folder import read_config
from vae_jax.runs.load import config_of
from vae_jax.runs.training import training_of


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
    if _is_given(arguments, "--resume"):
        return command.run(_resume, arguments, prog, about, configs)
    if _is_given(arguments, "--seed") and _is_given(arguments, "--seeds"):
        return command.fail("--seed is one seed, --seeds are several: leave one of them out.", 2)
    if _is_given(arguments, "--time") and _is_given(arguments, "--epochs"):
        return command.fail("--time chooses the epochs: leave one of --time and --epochs out.", 2)
    if _is_given(arguments, "--like"):
        return _like(arguments, prog, configs)
    if not arguments or arguments[0].startswith("-"):
        loaded, broken = choice.loaded(configs)
        about = f"{about.strip()}\n\n{broken}"
        return command.run(choice.any_config(loaded, _start), arguments, prog, about, configs)
    name, *rest = arguments
    if name not in names(configs):
        return command.fail(choice.unknown(name, configs), 2)
    try:
        config = find(name, configs).load()
    except Exception as error:  # of whatever kind: it is another package's
        return command.fail(f"{name} cannot be had: {choice.why(error)}")
    start = choice.one_config(name, config, _start)
    return command.run(start, rest, f"{prog} {name}", choice.about(config), configs)


def _like(arguments: Sequence[str], prog: str, configs: command.Configs) -> int:
    """The command line of a run's config, with the run's options for defaults."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--like", type=Path)
    found, rest = parser.parse_known_args(arguments)
    try:
        config = read_config(found.like)
        make = config_of(config["config"], config["package"], configs)
        training = training_of(config["training"])
        if _is_given(arguments, "--epochs"):
            training = replace(training, time=None)
    except (OSError, ValueError, TypeError, ImportError) as error:
        return command.fail(str(error))
    # what was found in the data is looked for anew: they may be others now
    same = choice.like(make, from_json(make, config["options"]))
    start = choice.one_config(config["config"], same, _start, training)
    about = f"Repeats {found.like}, with changes.\n\n{choice.about(make)}"
    return command.run(start, rest, f"{prog} --like {found.like}", about, configs)


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
    with forgiving():
        _, status = watched(
            lambda watch: runs.resume(resume, data, epochs, learning_rate, watch, configs)
        )
    return status


def _start(asked: Asked, configs: command.Configs) -> int:
    if asked.at_once and not asked.seeds:
        raise ValueError("at_once=True is of several seeds: seeds=<3>, or leave it out.")
    name, options = asked.chosen
    with forgiving():
        if asked.seeds:
            return start_seeds(asked, configs)
        _, status = watched(
            lambda watch: runs.start(name, options, asked.training, asked.out, watch, configs)
        )
    return status


def _is_given(arguments: Sequence[str], option: str) -> bool:
    return any(argument.split("=")[0] == option for argument in arguments)
