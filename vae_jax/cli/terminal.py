"""What a run says on the terminal: progress while it runs, and a table of its numbers."""

import math
import os
import sys
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.progress import track as track_bar
from rich.table import Table

from vae_jax.report import scored_at


def in_notebook() -> bool:
    """Whether this is a notebook's process, or one that a notebook's cell has started with `!`."""
    return "ipykernel" in sys.modules or "JPY_PARENT_PID" in os.environ


def plain_in_notebooks() -> Console:
    """The terminal; in a notebook lines of text, without colours, bars and escape codes.

    What a user has named is printed as it is: nothing in it is markup, an emoji, or coloured.
    """
    plain: dict[str, Any] = {"markup": False, "emoji": False, "highlight": False}
    if in_notebook():
        return Console(force_terminal=False, force_jupyter=False, **plain)
    return Console(**plain)


console = plain_in_notebooks()


def say(text: str) -> None:
    """A line, or some; a path in it stays in one piece."""
    console.print(text, soft_wrap=True)


class EpochBar:
    """A bar over epochs with the bound and its parts; plain lines where there is no terminal."""

    def __init__(self) -> None:
        self._bars = Bars(
            *(TextColumn("epoch"), MofNCompleteColumn(), BarColumn(bar_width=24)),
            *(TextColumn("{task.fields[numbers]}", markup=False), TimeRemainingColumn()),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bars.add_task("", visible=False, numbers="compiling")
        self._every = self._epochs = 1
        self._on = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def begin(self, epochs: int, first: int, on: str) -> None:
        """Show the bar of a run whose next epoch is `first`, evaluated on data of that name."""
        self._epochs, self._every, self._on = epochs, max(1, epochs // 20), on
        self._bars.update(self._task, total=epochs, completed=first - 1, visible=first <= epochs)
        self._bars.start()

    def stop(self) -> None:
        """Leave the bar as it is."""
        self._bars.stop()

    def update(self, row: dict[str, Any]) -> None:
        """Show the row of one epoch, or of an evaluation."""
        epoch, shown = row["epoch"], numbers(row)
        if row["data"] == "held_out":
            console.print(f"epoch {epoch}/{self._epochs}  {self._on}:  {shown}")
            return
        self._bars.update(self._task, advance=1, numbers=shown)
        if not console.is_terminal and (epoch % self._every == 0 or epoch == self._epochs):
            print(f"epoch {epoch}/{self._epochs}  {shown}", flush=True)


def numbers(row: dict[str, Any]) -> str:
    """The bound of a row and its parts, in a line."""
    names = ("bound", "fitted_bound", "elbo", "distortion", "rate")
    # of players each has a loss of its own
    shown = [name for name in names if name in row] or [n for n in row if n.endswith("loss")]
    line = "  ".join(f"{name} {row[name]:.2f}" for name in shown) + " nats"
    if "examples_per_second" in row:
        line += f"  {row['examples_per_second']:,.0f} examples/s"
    return line


def track(description: str) -> Callable[[Iterable[int]], Iterable[int]]:
    """A wrapper of a loop that shows how far it is."""

    def wrap(batches: Iterable[int]) -> Iterable[int]:
        return track_bar(batches, description, console=console, disable=not console.is_terminal)

    return wrap


def print_scores(scores: dict[str, Any], status: dict[str, Any]) -> None:
    """The table of final numbers, evaluation.json, of which epoch of the run they are, and what to
    do about them."""
    console.print(
        f"{scores['images']:,} test examples, {scored_at(scores, status)}", highlight=False
    )
    table = Table("", box=SIMPLE_HEAD)
    columns = ("nats", "\N{PLUS-MINUS SIGN}", *(["bits/dim"] if "bits_per_dim" in scores else []))
    for name in columns:
        table.add_column(name, justify="right")
    for row in [*_rows(scores), *_baselines(scores)]:
        table.add_row(*row[: 1 + len(columns)])
    console.print(table)
    for sentence in _sentences(scores):
        console.print(sentence, highlight=False)
    for sentence in scores.get("advice", []):
        console.print(sentence, style="bold yellow", highlight=False, markup=False)


def _rows(scores: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """Name, nats, their standard error over the examples, bits per dimension."""
    if "elbo" not in scores:
        distortion = scores["distortion"]
        value, error = f"{distortion['value']:.2f}", f"{distortion['standard_error']:.2f}"
        return [("distortion (there is no bound)", value, error, "")]
    elbo, log_p = scores["elbo"], scores["log_likelihood"]
    error, bits = log_p["standard_error_over_images"], scores.get("bits_per_dim")
    return [
        ("-ELBO", f"{-elbo['elbo']:.2f}", f"{elbo['elbo_standard_error']:.2f}", ""),
        ("  distortion", f"{elbo['distortion']:.2f}", "", ""),
        ("  rate", f"{elbo['rate']:.2f}", "", ""),
        ("-log p(x)", f"{-log_p['value']:.2f}", f"{error:.2f}", _bits(bits)),
    ]


def _baselines(scores: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """What densities without latents have, fitted to the training data; a uniform code in bits."""
    names = {
        "independent": "  independent dimensions",
        "full_covariance": "  one Gaussian",
        "uniform": "  a uniform code",
    }
    nats, bits = scores.get("baselines", {}), scores.get("baselines_bits_per_dim", {})
    rows = [
        (words, "" if name == "uniform" else f"{-nats[name]:.2f}", "", _bits(bits.get(name)))
        for name, words in names.items()
        if name in nats
    ]
    return [("-log p(x), without latents", "", "", ""), *rows] if rows else []


def _bits(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _sentences(scores: dict[str, Any]) -> list[str]:
    said = ["\N{PLUS-MINUS SIGN}: the standard error over the examples."]
    if "bits_per_dim" in scores:
        said.append("Bits per dimension of the integers, at most.")
    if "log_likelihood" in scores:
        log_p = scores["log_likelihood"]
        said.append(
            f"log p(x) by {log_p['importance_samples']:,} importance samples for each example:"
            f" Monte Carlo standard error {log_p['mean_monte_carlo_standard_error']:.3f} nats on"
            f" average, median effective sample size {log_p['median_effective_sample_size']:.0f}."
        )
        said += [log_p["reading"]] if "reading" in log_p else []
    if "code_usage" in scores:
        said.append(
            f"Codes: {scores['code_usage']:.1%} of {scores['num_codes']:,} in use, at a perplexity"
            f" of {scores['code_perplexity']:.1f} of each table."
        )
    if "active_units" in scores:
        active = scores["active_units"]
        said.append(
            f"Active units: {active['number']} of {active['latents']} (variance of the posterior"
            f" mean over {active['images']:,} examples above {active['threshold']})."
        )
    if "mutual_information" in scores:
        information = scores["mutual_information"]
        N = information["images"]
        said.append(
            f"Mutual information of z and which of {N:,} examples: {information['value']:.2f} nats,"
            f" at most log {N:,} = {math.log(N):.2f}; KL of their aggregate posterior to the prior"
            f" {information['marginal_kl']:.2f}."
        )
    return said
