"""Two processes that train one model together, as two machines would: what they write, how they
end, and the numbers of one."""

import json
import shutil
import signal

import pytest
import test_all_devices as every
from bits import assert_same_bits
from one_host import GIVEN, summed
from tiny_runs import read, resume, rows, timeless
from two_hosts import pair

from vae_jax import fit, hosts
from vae_jax.checkpoint import Checkpoints
from vae_jax.cli.train import main as train
from vae_jax.runs import load_run

DEVICES = 4  # two of each process
RUN = ["digits", "--hidden=8", "--latents=2", "--epochs=6", "--evaluate-every=2", "--no-score"]
RUN += ["--no-pictures", "--batch-size=64"]


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory):
    """A run of which one process is told to end, then one is killed; gone on with each time."""
    folder = tmp_path_factory.mktemp("hosts")
    run = folder / "run"
    told = pair(folder, *RUN, "--out", run, at=3, number=signal.SIGTERM)
    saved = {"saved": checkpoints(run), "status": read(run, "status.json")}
    killed = pair(folder, "--resume", run, at=5, number=signal.SIGKILL)
    saved["left"] = checkpoints(run)
    resumed = pair(folder, "--resume", run)
    return {"run": run, "told": told, "killed": killed, "resumed": resumed, **saved}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The same, of which nobody is told anything."""
    folder = tmp_path_factory.mktemp("whole")
    statuses, said = pair(folder, *RUN, "--out", folder / "run")
    assert statuses == [0, 0], said
    return folder / "run", said


def checkpoints(run):
    with Checkpoints(run / "checkpoints", write=False) as found:
        return found.epochs


def test_a_signal_to_one_stops_both_after_the_same_epoch(disturbed):
    statuses, said = disturbed["told"]
    assert statuses == [75, 75], said
    assert disturbed["status"]["state"] == "interrupted"
    assert disturbed["status"]["epoch"] == 3
    assert disturbed["saved"] == [2, 3]


def test_where_one_is_killed_the_other_ends(disturbed):
    statuses, _ = disturbed["killed"]
    assert statuses[1] == -signal.SIGKILL
    assert statuses[0] not in (0, 75)
    assert disturbed["left"][-1] in (3, 4)  # the one of epoch 4 may have been under way


def test_both_go_on_to_the_bits_of_a_pair_that_was_not_disturbed(disturbed, whole):
    statuses, said = disturbed["resumed"]
    assert statuses == [0, 0], said
    assert checkpoints(disturbed["run"])[-1] == 6
    assert timeless(disturbed["run"]) == timeless(whole[0])
    assert_same_bits(load_run(disturbed["run"]).params, load_run(whole[0]).params)


def test_the_first_alone_writes_and_speaks(whole):
    run, said = whole
    assert len(rows(run)) == 6 + 3
    assert f"Run folder: {run}" in said[0][0]
    assert "Each batch is divided among 4 devices of 2 hosts." in said[0][0]
    assert "epoch" not in said[1][0]
    assert [path.name for path in run.parent.iterdir()] == ["run"]
    assert read(run, "config.json")["devices"] == {"evaluation": 4, "training": 4, "hosts": 2}


def test_one_process_goes_on_with_what_two_began(whole, tmp_path):
    """To the same numbers but for rounding."""
    run = tmp_path / "run"
    shutil.copytree(whole[0], run)
    for epoch in (4, 6):
        shutil.rmtree(run / "checkpoints" / str(epoch))
    assert resume(run) == 0
    ends = [load_run(folder).params for folder in (whole[0], run)]
    assert every.apart(*ends) < 1e-4
    assert [row["epoch"] for row in rows(run)] == [row["epoch"] for row in rows(whole[0])]


@pytest.fixture(scope="module")
def called(tmp_path_factory):
    """What each process of a pair found, which called the library from Python."""
    folder = tmp_path_factory.mktemp("called")
    statuses, said = pair(folder)
    assert statuses == [0, 0], said
    return [json.loads((folder / f"{index}.json").read_text("utf-8")) for index in range(2)]


def test_fit_from_python(called):
    alone = every.numbers(
        fit(
            every.MODEL,
            every.STEP,
            every.DATA,
            key=every.KEY,
            prepare=every.PREPARE,
            held_out=every.TEST,
            **GIVEN,
        )
    )
    for found in called:
        assert found["count"] == DEVICES
        for name in ("copied", "divided"):
            assert found["fit"][name] == called[0]["fit"][name]
            assert found["fit"][name] == pytest.approx(summed(alone), rel=1e-4)


def test_each_host_reads_its_own_rows(called):
    """Of an epoch, all of whose examples are read by one of them: the bits of data in memory."""
    index = [set(found["read"]) - {0} for found in called]  # the first one is looked at by all
    assert index[0] | index[1] | {0} == set(range(2 * every.B))
    assert not index[0] & index[1]
    for found in called:
        assert found["streamed"] == found["in memory"]


@pytest.mark.parametrize("name", every.EVALUATIONS)
def test_an_evaluation_of_hosts_has_the_numbers_of_one(called, name):
    alone = summed(every.EVALUATIONS[name](every.MODEL, every.params(), every.KEY))
    for found in called:
        assert found["evaluations"][name] == pytest.approx(alone, rel=1e-4)


def test_what_one_host_decides_all_do(called):
    assert [found["agreed"] for found in called] == [{"process": 0, "long": "x" * 3000}] * 2
    assert [found["elsewhere"] for found in called] == ["OSError", "ElsewhereError"]
    assert [found["any"] for found in called] == [True, True]
    assert [found["least"] for found in called] == [1.0, 1.0]


def test_a_notice_of_preemption_stops_both(called):
    """SIGTERM where nobody but JAX listens."""
    assert called[0]["noticed"] == called[1]["noticed"]
    assert called[0]["noticed"][0] == "interrupted"


def test_a_batch_has_an_example_for_each_host(called):
    for found in called:
        assert "A batch of 21 cannot be divided equally among 2 hosts" in found["refused"]


def test_a_process_by_itself_decides_for_itself():
    made = object()
    assert hosts.agreed(lambda: made) is made
    assert hosts.here(made) is made
    assert (hosts.is_first(), hosts.several()) == (True, False)
    assert hosts.stopping(summed) is summed


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("somewhere", "--hosts is auto, or ADDRESS:PORT,N,I"),
        ("10.0.0.1,2,0", "--hosts is auto, or ADDRESS:PORT,N,I"),
        ("10.0.0.1:99,2,two", "--hosts is auto, or ADDRESS:PORT,N,I"),
        ("10.0.0.1:99,2,2", "of 2 processes I is 0 .. 1; got 2"),
    ],
)
def test_hosts_that_are_not_said(given, said, tmp_path, capsys):
    assert train([*RUN, "--out", str(tmp_path / "run"), "--hosts", given]) == 1
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
