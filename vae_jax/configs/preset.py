"""A config with other defaults: a row over the same body."""

import functools
import inspect
from typing import Any

from vae_jax.configs.experiment import Config, Experiment


def preset(name: str, config: Config, about: str, **defaults: Any) -> Config:
    """A config of another name, whose options are those of `config` with some other defaults.

    Args:
      name: of the new config.
      config: the body.
      about: the docstring, up to the options.
      defaults: in the place of the config's.
    """
    row = with_defaults(config, defaults)
    row.__name__ = name
    _, _, options = (inspect.getdoc(config) or "").partition("\nArgs:")
    row.__doc__ = f"{inspect.cleandoc(about)}\n\nArgs:{options}"
    return row


def with_defaults(config: Config, defaults: dict[str, Any]) -> Config:
    """The same config with some other defaults, in its signature too."""

    @functools.wraps(config)
    def same(**options: Any) -> Experiment:
        return config(**{**defaults, **options})

    signature = inspect.signature(config)
    changed = [
        p.replace(default=defaults.get(p.name, p.default)) for p in signature.parameters.values()
    ]
    same.__signature__ = signature.replace(parameters=changed)  # type: ignore[attr-defined]
    return same
