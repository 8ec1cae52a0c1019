"""The options of a config, as a run keeps them."""

import inspect
from dataclasses import asdict, is_dataclass
from typing import Any

from vae_jax.configs.experiment import Config
from vae_jax.configs.kinds import brief, fits, kinds_of, spelt

Json = dict[str, Any]


def to_json(options: Json) -> Json:
    """Options as config.json has them: a record of options is an object there."""
    return {name: asdict(value) if _is_record(value) else value for name, value in options.items()}


def from_json(config: Config, options: Json) -> Json:
    """Options as the config takes them: lists are tuples, an object is the record it was.

    Raises:
      ValueError: an option that the config has not, or a record has not; one that it lacks; a value
        of another kind than is declared.
    """
    known = inspect.signature(config).parameters
    _check_known(config.__name__, options, known)
    needed = {name for name, p in known.items() if p.default is p.empty and p.kind != p.VAR_KEYWORD}
    if needed - set(options):
        lacking = ", ".join(sorted(needed - set(options)))
        raise ValueError(f"The run's options lack {lacking}, which {config.__name__} needs.")
    _check_kinds(options, kinds_of(config))
    return {name: _read(known[name].default, value) for name, value in options.items()}


def _read(default: Any, value: Any) -> Any:
    if not (_is_record(default) and isinstance(value, dict)):
        return _tuple(value)
    _check_known(type(default).__name__, value, vars(default))
    _check_kinds(value, kinds_of(type(default)))
    return type(default)(**{name: _tuple(part) for name, part in value.items()})


def _check_known(whose: str, options: Json, known: Any) -> None:
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ValueError(
            f"The run's options {', '.join(unknown)} are not among those that {whose} has now:"
            f" {', '.join(known)}."
        )


def _check_kinds(options: Json, kinds: Json) -> None:
    for name, value in options.items():
        if not fits(value, kinds.get(name)):
            raise ValueError(
                f"The run's option {name} must be {spelt(kinds[name])}; got {brief(value)}."
            )


def _tuple(value: Any) -> Any:
    return tuple(map(_tuple, value)) if isinstance(value, list) else value


def _is_record(value: Any) -> bool:
    return is_dataclass(value) and not isinstance(value, type)
