"""A run for TensorBoard: every number of every row, by epoch, in the folder events/ of the run."""

import contextlib
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from vae_jax.extras import lacking

Row = dict[str, Any]

_NO_NUMBERS = ("data", "epoch", "step")


def check_events() -> None:
    """ImportError where tensorboardX is not installed."""
    if importlib.util.find_spec("tensorboardX") is None:
        raise lacking("tensorboard=True", "tensorboardX", "tensorboard")


@contextlib.contextmanager
def written_events(folder: Path, first: int) -> Iterator[Callable[[Row], None]]:
    """A function that writes the rows of a run whose next epoch is `first`; what was written of
    that epoch and later ones, before a process was killed, TensorBoard leaves out."""
    from tensorboardX import SummaryWriter

    with SummaryWriter(str(folder / "events"), purge_step=first, flush_secs=10) as writer:

        def write(row: Row) -> None:
            for name, value in row.items():
                if name not in _NO_NUMBERS:
                    writer.add_scalar(f"{row['data']}/{name}", value, row["epoch"])

        yield write
