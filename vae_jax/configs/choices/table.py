"""Tables of choices."""

import difflib
import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

Rows = Mapping[str, Callable[..., Any]]


def chosen(kind: str, rows: Rows, choices: Any, defaults: Any) -> Callable[..., Any]:
    """The row that was chosen, with its own options.

    Args:
      kind: of the table, and the field of `choices` that names the row.
      rows: functions by name; their keyword-only options are fields of `choices`, of which None
        leaves the row's own default.
      choices: what was chosen.
      defaults: what it is when nothing is asked for.

    Raises:
      ValueError: there is no row of that name; or an option was asked for that is another row's.
    """
    name = getattr(choices, kind)
    row = one_of(kind, rows, name)
    own = options_of(row)
    _check_none_of_others(kind, rows, choices, defaults)
    values = {option: getattr(choices, option) for option in own}
    return partial(row, **{option: value for option, value in values.items() if value is not None})


def one_of(kind: str, rows: Mapping[str, Any], name: str) -> Any:
    """The row of a name. ValueError, with what is close to it, where there is none."""
    if name in rows:
        return rows[name]
    close = difflib.get_close_matches(str(name), rows, n=1)
    suggestion = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"There is no {kind} {name!r}.{suggestion} There are {', '.join(rows)}.")


def options_of(row: Callable[..., Any]) -> list[str]:
    """The keyword-only options of a row."""
    parameters = inspect.signature(row).parameters.values()
    return [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]


def _check_none_of_others(kind: str, rows: Rows, choices: Any, defaults: Any) -> None:
    name = getattr(choices, kind)
    for option in {option for row in rows.values() for option in options_of(row)}:
        whose = [other for other, row in rows.items() if option in options_of(row)]
        value = getattr(choices, option)
        if name not in whose and value != getattr(defaults, option):
            raise ValueError(
                f"{option}={value!r} is an option of the {kind} {' or '.join(whose)}, and the"
                f" {kind} is {name}: leave it out, or choose {kind}={whose[0]!r}."
            )
