"""What a run says on the terminal: progress while it runs, and a table of its numbers."""

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.progress import track as track_bar
from rich.table import Table

console = Console()


class EpochBar:
    """A bar over epochs with the bound and its parts; plain lines where there is no terminal."""

    def __init__(self, epochs: int):
        self._epochs = epochs
        self._every = max(1, epochs // 20)
        self._bars = Bars(
            *(TextColumn("epoch"), MofNCompleteColumn(), BarColumn(bar_width=24)),
            *(TextColumn("{task.fields[numbers]}"), TimeRemainingColumn()),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bars.add_task("", total=epochs, numbers="compiling")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def update(self, row: dict[str, Any]) -> None:
        """Show the row of one epoch."""
        names = ("bound", "distortion", "rate")
        numbers = "  ".join(f"{name} {row[name]:.2f}" for name in names if name in row)
        numbers += f" nats  {row['examples_per_second']:,.0f} examples/s"
        self._bars.update(self._task, advance=1, numbers=numbers)
        epoch = row["epoch"]
        if not console.is_terminal and (epoch % self._every == 0 or epoch == self._epochs):
            print(f"epoch {epoch}/{self._epochs}  {numbers}", flush=True)


def track(description: str) -> Callable[[Iterable[int]], Iterable[int]]:
    """A wrapper of a loop that shows how far it is."""

    def wrap(batches: Iterable[int]) -> Iterable[int]:
        return track_bar(batches, description, console=console, disable=not console.is_terminal)

    return wrap


def print_scores(scores: dict[str, Any]) -> None:
    """The table of final numbers."""
    elbo, log_p, active = (scores[name] for name in ("elbo", "log_likelihood", "active_units"))
    table = Table(title=f"{scores['images']:,} held-out images", title_justify="left")
    table.add_column("")
    table.add_column("nats", justify="right")
    table.add_column("standard error over images", justify="right")
    table.add_row("-ELBO", f"{-elbo['elbo']:.2f}", f"{elbo['elbo_standard_error']:.2f}")
    table.add_row("  distortion", f"{elbo['distortion']:.2f}", "")
    table.add_row("  rate", f"{elbo['rate']:.2f}", "")
    table.add_row(
        f"-log p(x), {log_p['importance_samples']:,} importance samples",
        f"{-log_p['value']:.2f}",
        f"{log_p['standard_error_over_images']:.2f}",
    )
    console.print(table)
    console.print(
        f"Monte Carlo standard error of one image's log p(x):"
        f" {log_p['mean_monte_carlo_standard_error']:.3f} nats on average; median effective sample"
        f" size {log_p['median_effective_sample_size']:.0f} of {log_p['importance_samples']:,}."
    )
    console.print(
        f"Active units: {active['number']} of {active['latents']} (variance of the posterior mean"
        f" over {active['images']:,} images above {active['threshold']})."
    )
    if "bits_per_dim" in scores:
        console.print(f"At most {scores['bits_per_dim']:.3f} bits per dimension of the integers.")
