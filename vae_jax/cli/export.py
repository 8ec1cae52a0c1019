"""The parameters of a run for other programs: params.safetensors, and a JSON of what they are.

The JSON, params.safetensors.json, has config and options of the run, the epoch, the form of an
example, and shape and type of every parameter by its name.

Example:
  {prog} runs/digits-1 --out digits.safetensors
"""

from collections.abc import Sequence
from pathlib import Path

import safetensors.numpy
import tyro

from vae_jax.cli import command
from vae_jax.cli.output import check_place, named
from vae_jax.cli.terminal import say
from vae_jax.files import write
from vae_jax.runs import load_run
from vae_jax.runs.folder import write_json

_TOLD = ("config", "package", "options", "found", "example", "versions")  # of config.json


def main(
    arguments: Sequence[str] | None = None,
    prog: str = "vae_jax export",
    configs: command.Configs = None,
) -> int:
    """The command line; returns the exit status."""
    return command.run(_export, arguments, prog, (__doc__ or "").format(prog=prog), configs)


def _export(
    run: tyro.conf.Positional[Path],
    epoch: int | None = None,
    out: Path | None = None,
    configs: command.Configs = None,
) -> None:
    """Export.

    Args:
      run: The run folder.
      epoch: Of the checkpoint; by default the best, or the last.
      out: The file; by default params.safetensors in the run folder. The JSON is beside it.
    """
    check_place(out)
    found = load_run(run, epoch=epoch, configs=configs)
    path = out or run / "params.safetensors"
    beside = path.with_name(f"{path.name}.json")
    arrays = named("", found.params)
    forms = {name: {"shape": list(a.shape), "dtype": str(a.dtype)} for name, a in arrays.items()}
    told = {name: found.config[name] for name in _TOLD}
    write_json(beside, {**told, "epoch": found.epoch, "parameters": forms})
    write(path, safetensors.numpy.save(arrays))
    say(f"{path}: {len(arrays)} arrays\n{beside}")
