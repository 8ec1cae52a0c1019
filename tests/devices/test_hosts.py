"""Two processes that train one model together, as two machines would: what they write, how they
end, and the numbers of one."""

import shutil
import signal
from types import SimpleNamespace

import jax
import pytest
import test_all_devices as every
from bits import assert_same_bits
from one_host import EVALUATIONS, GIVEN, RUN, summed
from tiny_runs import read, resume, rows, timeless
from two_hosts import pair

from vae_jax import devices, fit, hosts
from vae_jax.checkpoint import Checkpoints
from vae_jax.cli.train import main as train
from vae_jax.runs import load_run

DEVICES = 4  # two of each process


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
def called(tmp_path_factory):
    """The folder of a pair that called the library from Python."""
    folder = tmp_path_factory.mktemp("called")
    statuses, said = pair(folder)
    assert statuses == [0, 0], said
    return folder


@pytest.fixture(scope="module")
def found(called):
    """What each of them found."""
    return [read(called, f"{index}.json") for index in range(2)]


@pytest.fixture(scope="module")
def whole(called):
    """A run of theirs, of which nobody was told anything."""
    return called / "run"


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
    assert timeless(disturbed["run"]) == timeless(whole)
    assert_same_bits(load_run(disturbed["run"]).params, load_run(whole).params)


def test_the_first_alone_writes_and_speaks(disturbed, whole):
    _, said = disturbed["resumed"]
    assert f"Run folder: {disturbed['run']}" in said[0][0]
    assert "Each batch is divided among 4 devices of 2 hosts." in said[0][0]
    assert "epoch" not in said[1][0]
    left = sorted(path.name for path in whole.parent.iterdir())
    assert left == ["0.json", "1.json", "refit", "run", "scored"]
    assert len(rows(whole)) == 6 + 3
    expected = {"evaluation": 4, "training": 4, "hosts": 2}
    assert read(whole, "config.json")["devices"] == expected


def test_one_process_goes_on_with_what_two_began(whole, tmp_path):
    """To the same numbers but for rounding."""
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    for epoch in (4, 6):
        shutil.rmtree(run / "checkpoints" / str(epoch))
    assert resume(run) == 0
    ends = [load_run(folder).params for folder in (whole, run)]
    # rounding grows with the steps: 2e-6 by jax 0.10, 2e-4 by jax 0.7
    assert every.apart(*ends) < 1e-3
    assert [row["epoch"] for row in rows(run)] == [row["epoch"] for row in rows(whole)]
    (resumed,) = read(run, "config.json")["resumed"]
    assert (resumed["after"], resumed["devices"]["hosts"]) == (2, 1)


def test_fit_from_python(found):
    how = {"key": every.KEY, "prepare": every.PREPARE, "held_out": every.TEST, **GIVEN}
    alone = every.numbers(fit(every.MODEL, every.STEP, every.DATA, **how))
    for one in found:
        assert one["count"] == DEVICES
        for name in ("copied", "divided"):
            assert one["fit"][name] == found[0]["fit"][name]
            assert one["fit"][name] == pytest.approx(summed(alone), rel=1e-4)


def test_each_host_reads_its_own_rows(found):
    """Of an epoch, all of whose examples are read by one of them: the bits of data in memory."""
    index = [set(one["read"]) - {0} for one in found]  # the first one is looked at by all
    assert index[0] | index[1] | {0} == set(range(2 * every.B))
    assert not index[0] & index[1]
    for one in found:
        assert one["streamed"] == one["in memory"]


@pytest.mark.parametrize("name", EVALUATIONS)
def test_an_evaluation_of_hosts_has_the_numbers_of_one(found, name):
    alone = summed(every.EVALUATIONS[name](every.MODEL, every.params(), every.KEY))
    for one in found:
        assert one["evaluations"][name] == pytest.approx(alone, rel=1e-4)


def test_what_one_host_decides_all_do(found):
    assert [one["agreed"] for one in found] == [{"process": 0, "long": "x" * 3000}] * 2
    assert [one["elsewhere"] for one in found] == ["OSError", "ElsewhereError"]
    assert [one["any"] for one in found] == [True, True]
    assert [one["least"] for one in found] == [1.0, 1.0]


def test_a_notice_of_preemption_stops_both(found):
    """SIGTERM where nobody but JAX listens."""
    assert found[0]["noticed"] == found[1]["noticed"]
    assert found[0]["noticed"][0] == "interrupted"


def test_a_signal_to_one_ends_both_while_they_are_scored(found, called):
    assert [one["scoring"] for one in found] == [130, 130]
    assert read(called / "scored", "status.json")["state"] == "scoring"
    assert not (called / "scored/evaluation.json").exists()


def test_a_prior_is_fitted_by_both(found, called):
    """One folder, which one process reads."""
    assert [one["prior"] for one in found] == [0, 0]
    refit = load_run(called / "refit")
    assert {len(leaf) for leaf in refit.params["prior"].values()} == {2}
    assert (refit.epoch, read(called / "refit", "evaluation.json")["before"]) == (6, {})
    assert (called / "refit/report.html").is_file()


def test_divided_data_are_looked_at_in_parts(found):
    """And what is found is what is found of all."""
    for one in found:
        whole, parts = one["parts"]["telling"]
        assert parts == whole
        assert max(one["parts"]["told"]) == 50
        assert "1 of 128 examples are outside" in one["parts"]["outside"]
        assert "the first x[90], with values between 2 and 2" in one["parts"]["outside"]


def test_a_batch_has_an_example_for_each_host(found):
    for one in found:
        assert "A batch of 21 cannot be divided equally among 2 hosts" in one["refused"]


def test_a_process_by_itself_decides_for_itself():
    made = object()
    assert hosts.agreed(lambda: made) is made
    assert hosts.here(made) is made
    assert (hosts.is_first(), hosts.several()) == (True, False)
    assert hosts.stopping(summed) is summed


def test_hosts_of_different_devices(monkeypatch):
    """And processes that JAX knows of, and nobody has joined."""
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with pytest.raises(ValueError, match=r"one of 2, and they were not joined: --hosts auto; or"):
        devices.count()
    monkeypatch.setattr(jax.distributed, "is_initialized", lambda: True)
    given = [SimpleNamespace(process_index=index) for index in (0, 0, 1)]
    monkeypatch.setattr(jax, "devices", lambda: given)
    with pytest.raises(ValueError, match=r"One host has 1 devices and another 2, .* 1 \.\. 1>"):
        devices.count()


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
