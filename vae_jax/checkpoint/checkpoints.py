"""The checkpoints of one run, by epoch: written in the background, each whole or not there."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from vae_jax import hosts
from vae_jax.checkpoint import structure
from vae_jax.checkpoint.kept import Always, LatestAndBest, check_names, epochs_in
from vae_jax.checks import check_count
from vae_jax.types import Params

Json = dict[str, Any]

_LEAVING = 20.0  # seconds that an error waits for what several hosts are writing


class Restored(NamedTuple):
    """What a checkpoint holds: the state of training, and the progress noted with it."""

    state: Any
    progress: Json


class Checkpoints:
    """The last `keep` checkpoints of a run and the one of the best score, in a folder.

    Each is a subfolder named by its epoch: the whole state of training, the parameters by
    themselves (to be read without an optimizer), and a small dict of progress. Orbax writes it in
    the background under another name and renames it when it is complete, so that a process killed
    at any moment leaves no half-written one; killed while an old one is removed it leaves a part of
    that, neither the last nor the best, which is refused as damaged. Nothing in them is code.
    Several hosts write one together, and read it, in a folder that they share.

        with Checkpoints(folder) as checkpoints:
            checkpoints.save(epoch, state, state.params, {"epoch": epoch}, score=bound)

    Args:
      folder: made if it is not there.
      keep: how many of the latest are kept.
      write: False only reads: what another process is writing there is left alone.
    """

    def __init__(self, folder: str | os.PathLike[str], keep: int = 3, *, write: bool = True):
        v1 = structure.orbax()
        check_count("keep", keep)
        self.folder = Path(folder).absolute()
        self._orbax: Any = None
        self._saving: Any = None
        if not write:
            if not self.folder.is_dir():
                raise FileNotFoundError(f"There are no checkpoints at {self.folder}.")
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(
                f"There can be no checkpoints at {self.folder} ({error.strerror}): name another"
                " folder, or make it writable."
            ) from error
        check_names(self.folder)
        self._scores = self._saved_scores()
        self._orbax = v1.training.Checkpointer(
            self.folder,
            save_decision_policy=Always(),
            preservation_policy=LatestAndBest(keep, self._scores),
            cleanup_tmp_directories=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and hosts.several():  # the others may be gone, or fail as this one
            hosts.within(0 if hosts.is_of_another(error) else _LEAVING, self._close)
            return
        try:
            self.wait()
        except OSError:
            if error is None:  # else what went wrong first is what the user should read
                raise
        finally:
            self._close()

    def _close(self) -> None:
        if self._orbax is not None:
            with contextlib.suppress(Exception):  # the same again, of which `wait` has told
                self._orbax.close()

    @property
    def epochs(self) -> list[int]:
        """The epochs of which a checkpoint was completed, in order."""
        return epochs_in(self.folder)

    @property
    def best(self) -> tuple[int, float] | None:
        """The epoch of the best score of the checkpoints there are, and the score."""
        scores = self._saved_scores()
        epoch = max(scores, key=scores.__getitem__, default=None)
        return None if epoch is None else (epoch, scores[epoch])

    def save(
        self, epoch: int, state: Any, params: Params, progress: Json, score: float | None = None
    ) -> None:
        """Begin to write a checkpoint; the state may be given away as soon as this returns.

        Args:
          epoch: its name; later than those before.
          state: the state of training, any pytree of arrays.
          params: the parameters to be used if this checkpoint is.
          progress: numbers and None, by name.
          score: of these parameters, larger is better; None if they have not been scored.

        Raises:
          OSError: this checkpoint, or the one before, could not be written.
          ValueError: the epoch is not later than those before.
        """
        if self._orbax is None:
            raise ValueError(f"{self.folder} was opened to be read: pass write=True.")
        self.wait()  # for the one before, whose failure would otherwise show nowhere
        if self.epochs and epoch <= self.epochs[-1]:
            raise ValueError(
                f"Epoch {epoch} cannot be saved: {self.folder} holds epochs {self.epochs} already."
            )
        items = {"state": state, "params": params}
        sums = {name: structure.checksum(item) for name, item in items.items()}
        notes = {"epoch": epoch, "progress": progress, "score": score, "checksums": sums}
        metadata = {"notes": notes, "checksum": structure.checksum_json(notes)}
        if score is not None:
            self._scores[epoch] = score
        with self._writing():
            self._saving = self._orbax.save_checkpointables_async(
                epoch, items, custom_metadata=metadata
            )

    def wait(self) -> None:
        """Until what is being written is on disk. OSError if it could not be written."""
        if self._orbax is None:
            return
        saving, self._saving = self._saving, None
        with self._writing():
            if saving is not None:
                saving.result()  # which ends its thread, and closes what that had opened
            self._orbax.wait()

    def load(self, epoch: int, like: Any) -> Restored:
        """The state and progress of an epoch.

        Args:
          epoch: one of `epochs`.
          like: a state of the same structure, shapes and types, of arrays or their shapes; where
            these are, on one device or on several, is where it is read to.

        Raises:
          FileNotFoundError: there is no such checkpoint.
          ValueError: it is of another architecture or another epoch, or damaged.
          OSError: it cannot be read for another reason.
        """
        self.wait()
        metadata = self._metadata(epoch)
        folder = self.folder / str(epoch)
        saved = structure.leaves(metadata.metadata["state"])
        structure.check_same(folder, saved, structure.leaves(like))
        return Restored(self._item(metadata, epoch, "state", like), _notes(metadata)["progress"])

    def load_params(self, epoch: int) -> Params:
        """The parameters of an epoch, a nested dict; raises as `load` does."""
        self.wait()
        metadata = self._metadata(epoch)
        return self._item(metadata, epoch, "params", structure.forms(metadata.metadata["params"]))

    def progress(self, epoch: int) -> Json:
        """What was noted with the checkpoint of an epoch; raises as `load` does."""
        self.wait()
        return _notes(self._metadata(epoch))["progress"]

    def _metadata(self, epoch: int) -> Any:
        v1 = structure.orbax()
        folder = self.folder / str(epoch)
        if epoch not in self.epochs:
            raise FileNotFoundError(f"There is no checkpoint at {folder}; there are {self.epochs}.")
        remedy = self._remedy(epoch)
        with structure.reading(folder, remedy):
            metadata = v1.checkpointables_metadata(folder)
            structure.leaves(metadata.metadata["state"])
            structure.leaves(metadata.metadata["params"])
            expected = metadata.custom_metadata["checksum"]
            found = structure.checksum_json(_notes(metadata))
        structure.check_content(folder, found, expected, remedy)
        within = _notes(metadata)["epoch"]
        if within != epoch:
            raise ValueError(
                f"{folder} holds the checkpoint of epoch {within}: a folder was renamed. Give it"
                f" back its name, {within}."
            )
        return metadata

    def _item(self, metadata: Any, epoch: int, name: str, like: Any) -> Any:
        v1 = structure.orbax()
        folder, remedy = self.folder / str(epoch), self._remedy(epoch)
        with structure.reading(folder, remedy):
            item = v1.load_checkpointables(folder, {name: structure.abstract(like)})[name]
            found = structure.checksum(item)
        structure.check_content(folder, found, _notes(metadata)["checksums"][name], remedy)
        return item

    def _saved_scores(self) -> dict[int, float]:
        """Of the checkpoints that have one; a damaged one is nobody's best."""
        scores = {}
        for epoch in self.epochs:
            with contextlib.suppress(ValueError):
                scores[epoch] = _notes(self._metadata(epoch))["score"]
        return {epoch: score for epoch, score in scores.items() if score is not None}

    def _remedy(self, epoch: int) -> str:
        others = [other for other in self.epochs if other != epoch]
        if not others:
            return "It is the only one: take a copy, or train anew."
        return (
            f"Move this folder out of {self.folder}, and what is left is the checkpoint of epoch"
            f" {others[-1]}."
        )

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


def _notes(metadata: Any) -> Json:
    return metadata.custom_metadata["notes"]
