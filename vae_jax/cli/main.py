"""`vae_jax <command>`: what people who have only installed the package call."""

import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from vae_jax.extras import install

COMMANDS = {
    "train": "train a VAE, score it, draw its pictures; or go on with a run",
    "evaluate": "bounds, likelihood, active units, mutual information of a run",
    "sample": "draw new examples",
    "reconstruct": "what the model makes of test examples",
    "interpolate": "from one test example to another",
    "traverse": "what each latent does",
    "embed": "the latents of each example, as a file",
    "export": "the parameters as safetensors, for other programs",
    "prior": "fit another prior to the latents of a run",
    "compare": "runs side by side",
}


def main(arguments: Sequence[str] | None = None, configs: Mapping[str, Any] | None = None) -> int:
    """The command line; returns the exit status.

    Args:
      arguments: without the program's name; None for those of this process.
      configs: of a script that is in no package, by name: {"mine": mine}.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_help())
        return 0
    name, *rest = arguments
    if name not in COMMANDS:
        print(f"error: there is no command {name!r}.\n\n{_help()}", file=sys.stderr)
        return 2
    try:
        command = importlib.import_module(f"vae_jax.cli.{name}")
    except ImportError as error:
        print(
            f"error: {error}. The commands need more than the library: {install('experiments')}.",
            file=sys.stderr,
        )
        return 1
    return command.main(rest, configs=configs)


def _help() -> str:
    lines = [f"  {name:<12} {about}" for name, about in COMMANDS.items()]
    return "\n".join(
        [
            "usage: vae_jax COMMAND ...",
            "",
            "Variational autoencoders in JAX: train them, score them, look at them.",
            "",
            *lines,
            "",
            "vae_jax COMMAND --help tells the options of a command.",
        ]
    )
