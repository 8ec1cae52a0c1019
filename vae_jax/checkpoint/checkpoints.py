"""The checkpoints of one run, by epoch: written in the background, each whole or not there."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import jax
import jax.numpy as jnp

from vae_jax.checkpoint import structure
from vae_jax.types import Params

Json = dict[str, Any]


class Restored(NamedTuple):
    """What a checkpoint holds: the state of training, and the progress noted with it."""

    state: Any
    progress: Json


class Checkpoints:
    """The last `keep` checkpoints of a run and the one of the best score, in a folder.

    Each is a subfolder named by its epoch: the whole state of training, the parameters by
    themselves (to be read without an optimizer), and a small dict of progress. Orbax writes it in
    the background under another name and renames it when it is complete, so that a process killed
    at any moment leaves only whole checkpoints. Nothing in them is code.

        with Checkpoints(folder) as checkpoints:
            checkpoints.save(epoch, state, state.params, {"epoch": epoch}, score=bound)

    Args:
      folder: made if it is not there.
      keep: how many of the latest are kept.
      write: False only reads: what another process is writing there is left alone.
    """

    def __init__(self, folder: str | os.PathLike[str], keep: int = 3, *, write: bool = True):
        from orbax.checkpoint import v1

        self.folder = Path(folder).absolute()
        if not write and not self.folder.is_dir():
            raise FileNotFoundError(f"There are no checkpoints at {self.folder}.")
        policies = v1.training.preservation_policies
        best = policies.BestN(get_metric_fn=_rank, n=1, keep_checkpoints_without_metrics=False)
        self._orbax = v1.training.Checkpointer(
            self.folder,
            save_decision_policy=_Always(),
            preservation_policy=policies.AnyPreservationPolicy([policies.LatestN(keep), best]),
            cleanup_tmp_directories=write,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.wait()
        except OSError:
            if error is None:  # else what went wrong first is what the user should read
                raise
        finally:
            self._orbax.close()

    @property
    def epochs(self) -> list[int]:
        """The epochs of which there is a checkpoint, in order."""
        return [checkpoint.step for checkpoint in self._orbax.checkpoints]

    def save(
        self, epoch: int, state: Any, params: Params, progress: Json, score: float | None = None
    ) -> None:
        """Begin to write a checkpoint; the state may be given away as soon as this returns.

        Args:
          epoch: its name; larger than those before.
          state: the state of training, any pytree of arrays.
          params: the parameters to be used if this checkpoint is.
          progress: numbers and None, by name.
          score: of these parameters, larger is better; None if they have not been scored.

        Raises:
          OSError: this checkpoint, or the one before, could not be written.
        """
        self.wait()  # for the one before, whose failure would otherwise show nowhere
        # A copy: on a CPU the writer would read the memory that the next step is given.
        items = jax.tree.map(jnp.copy, {"state": state, "params": params})
        sums = {name: structure.checksum(item) for name, item in items.items()}
        metadata = {"progress": progress, "checksums": sums}
        metrics = None if score is None else {"score": score, "epoch": epoch}
        with self._writing():
            self._orbax.save_checkpointables_async(
                epoch, items, metrics=metrics, custom_metadata=metadata
            )

    def wait(self) -> None:
        """Until what is being written is on disk. OSError if it could not be written."""
        with self._writing():
            self._orbax.wait()

    def load(self, epoch: int, like: Any) -> Restored:
        """The state and progress of an epoch.

        Args:
          epoch: one of `epochs`.
          like: a state of the same structure, shapes and types, of arrays or their shapes.

        Raises:
          FileNotFoundError: there is no such checkpoint.
          ValueError: it is of another architecture, or damaged.
        """
        metadata = self._metadata(epoch)
        folder = self.folder / str(epoch)
        saved = structure.leaves(metadata.metadata["state"])
        structure.check_same(folder, saved, structure.leaves(like))
        state = self._item(epoch, "state", structure.abstract(like))
        return Restored(state, metadata.custom_metadata["progress"])

    def load_params(self, epoch: int) -> Params:
        """The parameters of an epoch, a nested dict; raises as `load` does."""
        saved = self._metadata(epoch).metadata["params"]
        return self._item(epoch, "params", structure.abstract(saved))

    def progress(self, epoch: int) -> Json:
        """What was noted with the checkpoint of an epoch; raises as `load` does."""
        return self._metadata(epoch).custom_metadata["progress"]

    def _metadata(self, epoch: int) -> Any:
        folder = self.folder / str(epoch)
        if epoch not in self.epochs:
            raise FileNotFoundError(f"There is no checkpoint at {folder}; there are {self.epochs}.")
        with structure.reading(folder, self._remedy(epoch)):
            metadata = self._orbax.checkpointables_metadata(epoch)
            for item in ("state", "params"):
                structure.leaves(metadata.metadata[item])
                metadata.custom_metadata["checksums"][item]
        return metadata

    def _item(self, epoch: int, name: str, like: Any) -> Any:
        folder, remedy = self.folder / str(epoch), self._remedy(epoch)
        with structure.reading(folder, remedy):
            item = self._orbax.load_checkpointables(epoch, {name: like})[name]
        expected = self._metadata(epoch).custom_metadata["checksums"][name]
        structure.check_content(folder, item, expected, remedy)
        return item

    def _remedy(self, epoch: int) -> str:
        others = [other for other in self.epochs if other != epoch]
        if not others:
            return "It is the only one: take a copy, or train anew."
        return f"Remove this folder, and what is left is the checkpoint of epoch {others[-1]}."

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # tensorstore raises ValueError where a disk is full
            reason = str(error).splitlines()[0]
            raise OSError(
                f"A checkpoint could not be written to {self.folder} ({reason}). The ones there,"
                f" of epochs {self.epochs}, are whole: make room, or the folder writable, and"
                " resume."
            ) from error


class _Always:
    """Saved is what `save` is called with."""

    def should_save(self, *args: Any, **kwargs: Any) -> bool:
        return True


def _rank(metrics: Json) -> tuple[float, int]:
    """By score; of equals the first."""
    return metrics["score"], -metrics["epoch"]
