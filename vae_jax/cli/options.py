"""Options of a command line, from the signature and the docstring of a function."""

import contextlib
import functools
import inspect
import io
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, TypeVar

import tyro

from vae_jax.cli.terminal import console

# Perhaps none: without an empty "(default: )"
Numbers = Annotated[tuple[int, ...], tyro.conf.arg(help_behavior_hint="")]

_CONFIG = (tyro.conf.CascadeSubcommandArgs, tyro.conf.OmitArgPrefixes)
_Call = TypeVar("_Call", bound=Callable[..., Any])
# tyro takes the first word for the program's name, and joins lines: marks that it leaves alone
_SPACE, _LINE = "\N{NO-BREAK SPACE}", "\N{ZERO WIDTH SPACE}"


def parse(
    function: Callable[..., int | None], arguments: Sequence[str], prog: str, about: str
) -> Callable[..., int | None]:
    """The function with its options, to be called with `configs`, which is none of them.

    Raises:
      SystemExit: 0 where help was asked for, 2 for options that are not understood; both printed.
    """

    @same_options(function)
    def later(**options: Any) -> Callable[..., int | None]:
        return functools.partial(function, **options)

    description = "\n".join(_LINE + line for line in about.splitlines())
    with _cleaned():
        return tyro.cli(
            later,
            prog=prog.replace(" ", _SPACE),
            args=arguments,
            description=description,
            config=_CONFIG,
        )


def same_options(function: Callable[..., Any]) -> Callable[[_Call], _Call]:
    """A decorator: the signature of another function, and its docstring, an option on a line."""

    def decorate(call: _Call) -> _Call:
        returned = call.__annotations__["return"]
        functools.update_wrapper(call, function)
        del call.__wrapped__  # type: ignore[attr-defined]  # tyro would read that one's docstring
        call.__doc__ = re.sub(r"\n {4,}(?=\S)", " ", inspect.getdoc(function) or "")
        signature = inspect.signature(function)
        shown = [p for name, p in signature.parameters.items() if name != "configs"]
        annotations = {p.name: p.annotation for p in shown}
        call.__annotations__ = {**annotations, "return": returned}
        call.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]
        return call

    return decorate


def spelt(text: str) -> str:
    """Keyword arguments that a message asks for, as options: raw=<folder>, --raw <folder>.

    Only those that are True, or to be filled in.
    """

    def option(match: re.Match[str]) -> str:
        return "--" + match[1].replace("_", "-") + ("" if match[2] else " ")

    # at the beginning of a word: within a path it is no option
    return re.sub(r"(?<![^\s(])([a-z_]+)=(?:(True\b)|(?=<))", option, text)


class _Printed(io.StringIO):
    """What tyro prints; it looks at stdout for colours and lines."""

    def __init__(self) -> None:
        super().__init__()
        self._terminal, self._encoding = console.is_terminal, sys.stdout.encoding

    def isatty(self) -> bool:
        return self._terminal

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding


@contextlib.contextmanager
def _cleaned() -> Iterator[None]:
    """Print what is printed without the marks."""
    out, errors = _Printed(), _Printed()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            yield
    finally:
        for printed, to in ((out, sys.stdout), (errors, sys.stderr)):
            to.write(printed.getvalue().replace(_SPACE, " ").replace(_LINE, ""))
