"""Checkpoints that went bad on disk, and disks that take no more."""

import json
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from bits import assert_same_bits
from damage import DAMAGES, empty, largest, remove, truncate

from vae_jax.checkpoint import Checkpoints

# asyncio drops the readings that orbax had begun when another of them failed
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

SHAPE = (30, 40)
LIKE = {"weights": jax.ShapeDtypeStruct(SHAPE, jnp.float32), "step": jnp.array(0)}


def tree(epoch):
    return {"weights": jax.random.normal(jax.random.key(epoch), SHAPE), "step": jnp.array(epoch)}


@pytest.fixture
def folder(tmp_path):
    """Of epochs 1, 2 and 3; the second has the best score."""
    with Checkpoints(tmp_path) as checkpoints:
        for epoch, score in ((1, 0.5), (2, 0.9), (3, 0.7)):
            checkpoints.save(epoch, tree(epoch), tree(epoch), {"epoch": epoch}, score)
    return tmp_path


def assert_whole(checkpoints, epoch):
    assert checkpoints.load(epoch, LIKE).progress == {"epoch": epoch}
    assert_same_bits(checkpoints.load(epoch, LIKE).state, tree(epoch))
    assert_same_bits(checkpoints.load_params(epoch), tree(epoch))


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("item", ["state", "params"])
def test_damaged_numbers_are_never_returned(folder, item, damage):
    damage(largest(folder / "3" / item / "ocdbt.process_0"))
    with Checkpoints(folder, write=False) as checkpoints:
        read = {"state": lambda: checkpoints.load(3, LIKE), "params": checkpoints.load_params}
        message = (
            f"{folder.name}/3 is damaged.* Move this folder out of .* left is the checkpoint of"
        )
        with pytest.raises(ValueError, match=f"{message} epoch 2"):
            read[item](3) if item == "params" else read[item]()
        assert checkpoints.epochs == [1, 2, 3]
        for epoch in (1, 2):
            assert_whole(checkpoints, epoch)


@pytest.mark.parametrize("damage", [truncate, empty, remove])
@pytest.mark.parametrize("name", ["_CHECKPOINT_METADATA", "_METADATA", "manifest.ocdbt"])
def test_damaged_metadata(folder, name, damage):
    """The others can still be read, and written to, and the damaged one is nobody's best."""
    for path in (folder / "2").rglob(name):
        damage(path)
    with Checkpoints(folder, keep=1) as checkpoints:
        for read in (lambda: checkpoints.load(2, LIKE), lambda: checkpoints.load_params(2)):
            with pytest.raises(ValueError, match=f"{folder.name}/2 is damaged.*of epoch 3"):
                read()
        assert_whole(checkpoints, 3)
        checkpoints.save(4, tree(4), tree(4), {"epoch": 4}, 0.6)
        checkpoints.wait()
        assert checkpoints.epochs == [3, 4]
        assert_whole(checkpoints, 4)


def test_progress_that_rotted_is_not_believed(folder):
    path = folder / "3" / "_CHECKPOINT_METADATA"
    metadata = json.loads(path.read_text())
    metadata["custom_metadata"]["notes"]["progress"]["epoch"] = 7
    path.write_text(json.dumps(metadata))
    with Checkpoints(folder, write=False) as checkpoints:
        for read in (lambda: checkpoints.load(3, LIKE), lambda: checkpoints.progress(3)):
            with pytest.raises(ValueError, match="3 is damaged: its content is not what was saved"):
                read()


@pytest.mark.parametrize("error", [MemoryError("bad alloc"), RuntimeError("no device cuda:1")])
def test_what_cannot_be_read_here_is_not_called_damaged(folder, error, monkeypatch):
    """Of a machine without the memory or the device: nobody should remove it."""

    def fail(*args):
        raise KeyError("Failed to load") from error

    monkeypatch.setattr("orbax.checkpoint.v1.load_checkpointables", fail)
    with Checkpoints(folder, write=False) as checkpoints:
        message = rf"/3 cannot be read here \({type(error).__name__}: {error}\)\. Nothing says that"
        with pytest.raises(OSError, match=message) as refused:
            checkpoints.load_params(3)
        assert "Move" not in str(refused.value)


def test_a_file_that_may_not_be_read_is_not_called_damaged(folder, monkeypatch):
    """The tests may run as root, who reads everything."""
    for path in (folder / "3").rglob("_METADATA"):
        empty(path)
    opened = Path.open

    def refuse(path, *args):
        if path.name == "_METADATA":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *args)

    monkeypatch.setattr(Path, "open", refuse)
    with (
        Checkpoints(folder, write=False) as checkpoints,
        pytest.raises(PermissionError, match=r"/3/.*_METADATA"),
    ):
        checkpoints.load_params(3)


def test_renamed_folders_are_no_other_epochs(folder):
    """Two that changed places: whole, each of them."""
    (folder / "2").rename(folder / "kept")
    (folder / "3").rename(folder / "2")
    (folder / "kept").rename(folder / "3")
    with Checkpoints(folder) as checkpoints:
        for read in (checkpoints.load_params, checkpoints.progress):
            with pytest.raises(
                ValueError, match=r"/3 holds the checkpoint of epoch 2: .* name, 2\."
            ):
                read(3)
        assert checkpoints.best == (1, 0.5)  # the only one known to be its own
        assert_whole(checkpoints, 1)


@pytest.mark.parametrize("name", ["\N{SUPERSCRIPT TWO}", "07", "\N{ARABIC-INDIC DIGIT THREE}"])
def test_what_only_looks_like_a_checkpoint(folder, name):
    (folder / name).mkdir()
    with Checkpoints(folder, write=False) as checkpoints:
        assert checkpoints.epochs == [1, 2, 3]
    with pytest.raises(ValueError, match=f"/{name} is no checkpoint's folder: move it out"):
        Checkpoints(folder)


def test_other_things_beside_checkpoints_are_left_alone(folder):
    (folder / "notes").mkdir()
    (folder / "3.old").mkdir()
    with Checkpoints(folder, keep=1) as checkpoints:
        checkpoints.save(4, tree(4), tree(4), {"epoch": 4}, 0.6)
        checkpoints.wait()
        assert checkpoints.epochs == [2, 4]
    assert {"notes", "3.old"} <= {path.name for path in folder.iterdir()}
    (folder / "12").touch()
    with pytest.raises(ValueError, match="/12 is no checkpoint's folder"):
        Checkpoints(folder)


def test_the_only_checkpoint_damaged(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, tree(1), tree(1), {})
    empty(largest(tmp_path / "1" / "params"))
    with pytest.raises(ValueError, match=r"1 is damaged.* the only one: take a copy, or train ane"):
        checkpoints.load_params(1)


FULL = """
import resource, signal, sys
import jax.numpy as jnp
from vae_jax.checkpoint import Checkpoints

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write past the limit is then an error
try:
    with Checkpoints(sys.argv[1], keep=1) as checkpoints:
        checkpoints.save(1, {"a": jnp.ones(3)}, {"a": jnp.ones(3)}, {"epoch": 1})
        checkpoints.wait()
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
        large = {"a": jnp.sin(jnp.arange(30_000.0))}
        checkpoints.save(2, large, large, {"epoch": 2})
        WAIT
except OSError as error:
    print(error)
"""


@pytest.mark.parametrize(
    "wait", ["checkpoints.wait()", "checkpoints.save(3, large, large, {})", "pass"]
)
def test_a_full_disk(tmp_path, wait):
    """A limit on the size of a file is as good. The checkpoint before is not lost to it."""
    run = subprocess.run(
        [sys.executable, "-c", FULL.replace("WAIT", wait), tmp_path / "run"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"could not be written to {tmp_path / 'run'} (" in run.stdout
    assert "of epochs [1], are whole: make room, or the folder writable, and resume." in run.stdout
    like = {"a": jnp.zeros(3)}
    with Checkpoints(tmp_path / "run", write=False) as checkpoints:
        assert checkpoints.epochs == [1]
        assert_same_bits(checkpoints.load(1, like).state, {"a": jnp.ones(3)})
    assert len(list((tmp_path / "run").iterdir())) > 1  # what was begun
    with Checkpoints(tmp_path / "run") as checkpoints:
        checkpoints.save(2, like, like, {})
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"1", "2"}


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    message = r"There can be no checkpoints at .*file/run \(Not a directory\): name another folder"
    with pytest.raises(OSError, match=message):
        Checkpoints(tmp_path / "file" / "run")


def test_what_went_wrong_first_is_what_is_raised(tmp_path, monkeypatch):
    """Not that, on the way out, a checkpoint could not be written either."""

    def fail(*args):
        raise OSError("no space")

    checkpoints = Checkpoints(tmp_path)
    monkeypatch.setattr(checkpoints, "wait", fail)
    with pytest.raises(KeyError, match="first"), checkpoints:
        raise KeyError("first")
    checkpoints = Checkpoints(tmp_path)
    monkeypatch.setattr(checkpoints, "wait", fail)
    with pytest.raises(OSError, match="no space"), checkpoints:
        pass
