"""One of the processes of two_hosts.py, a script: a command with --hosts; or, without arguments,
calls from Python, of which it writes what it found into a file, <its number>.json."""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import jax
import numpy as np

EVALUATIONS = ("elbos", "mutual_information", "terms", "sample")  # each another way to divide
GIVEN = {"epochs": 2, "batch_size": 64}
OPTIONS = {"epochs": 6, "batch_size": 64, "latents": 2}
RUN = ["digits", *(f"--{name.replace('_', '-')}={value}" for name, value in OPTIONS.items())]
RUN += ["--evaluate-every=2", "--no-score", "--no-pictures"]


def summed(tree):
    """A number for each array."""
    leaves = jax.tree.leaves(tree)
    return [float(np.abs(np.asarray(leaf, np.float64)).sum()) for leaf in leaves]


class Recorded:
    """A source that knows which of its examples were read."""

    def __init__(self, x):
        self.x, self.read = x, []

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        self.read.append(i)
        return {"x": self.x[i]}


def of_streams(every):
    from vae_jax import stream_epoch, train_epoch

    source = Recorded(every.DATA["x"])
    how = {"batch_size": every.B, "prepare": every.PREPARE}
    streamed, _ = stream_epoch(every.STEP, every.state(), source, **how)
    kept, _ = train_epoch(every.STEP, every.state(), every.DATA, **how, scan=False)
    return {"read": source.read, "streamed": bits(streamed.params), "in memory": bits(kept.params)}


def bits(tree):
    return [np.asarray(leaf).tobytes().hex() for leaf in jax.tree.leaves(tree)]


def of_fit(every):
    from vae_jax import devices, fit

    found = {}
    how = {"key": every.KEY, "prepare": every.PREPARE, "held_out": every.TEST, **GIVEN}
    for name, data in {"copied": every.DATA, "divided": devices.divided(every.DATA)}.items():
        fitted = fit(every.MODEL, every.STEP, data, **how)
        found[name] = summed(every.numbers(fitted))
    return found


def of_parts(every):
    """Data that hosts have together are looked at in parts: which conditions tell of all, and the
    most rows that were told to all of them at once."""
    from vae_jax import devices, evaluate, hosts
    from vae_jax.evaluate import conditions
    from vae_jax.train import loop

    given = every.MODEL, every.params()
    trained = every.MODEL, every.STEP, devices.divided(every.DATA)
    told, here, sizes = [], hosts._here, (hosts.PART, loop._CHECKED)

    def recorded(leaf):
        if isinstance(leaf, jax.Array) and not leaf.is_fully_addressable and leaf.ndim == 2:
            told.append(len(leaf))
        return here(leaf)

    draws = np.random.default_rng(0)
    c = {"label": draws.integers(0, 99, 128), "mask": draws.normal(size=(128, 3))}
    c["mask"][[70, 90], 1] = np.nan
    x = {"x": (every.DATA["x"] > 127).astype(np.float32)}
    bad = {"x": np.where(np.arange(128)[:, None] == 90, np.float32(2), x["x"])}
    hosts.PART, loop._CHECKED, hosts._here = 50, 20, recorded
    try:
        telling = [conditions._telling(each).tolist() for each in (c, devices.divided(c))]
        evaluate.check_support(*given, devices.divided(x), batch_size=32)
        loop._first_examples(loop.Settings(*trained, epochs=1), every.KEY)
        said = refusal(lambda: evaluate.check_support(*given, devices.divided(bad)))
    finally:
        hosts.PART, loop._CHECKED = sizes
        hosts._here = here
    return {"telling": telling, "told": told, "outside": said}


def of_agreement(index):
    from vae_jax import hosts

    def make():
        return {"process": index, "long": "x" * 3000}

    def fail():
        raise OSError

    try:
        hosts.agreed(fail)
    except (OSError, hosts.ElsewhereError) as error:
        failed = type(error).__name__
    return {
        "agreed": hosts.agreed(make),
        "elsewhere": failed,
        "any": hosts.any_of(index == 1),
        "least": hosts.least(2.0 - index),
    }


def of_a_notice(every, index):
    """How a training ended, and after how many epochs, of which one process was told to end."""

    from vae_jax import fit

    def report(row, params):
        if index == 1 and row["epoch"] == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    given = {**GIVEN, "epochs": 100_000, "key": every.KEY, "prepare": every.PREPARE}
    fitted = fit(every.MODEL, every.STEP, every.DATA, **given, report=report)
    return fitted.ended, fitted.progress.epoch


def of_scoring(index):
    """The exit status of a run of which one process gets a Ctrl-C while it is scored."""
    from vae_jax import hosts, runs
    from vae_jax.cli import watched
    from vae_jax.cli.signals import Interrupted

    def disturbed(batches):
        for batch in batches:
            if index == 1:
                os.kill(os.getpid(), signal.SIGINT)
            yield batch

    def copy():
        shutil.copytree("run", "scored")
        config = json.loads(Path("run/config.json").read_text("utf-8"))
        config["training"] |= {"score": True, "importance_samples": 5}
        Path("scored/config.json").write_text(json.dumps(config), "utf-8")

    hosts.agreed(copy)
    watched.track = lambda name: disturbed
    try:
        watched.watched(lambda watch: runs.resume(Path("scored"), watch=watch))
    except Interrupted as interrupted:
        return interrupted.status
    return None


def of_a_prior():
    """The exit status of a prior that both fit."""
    from vae_jax.cli.prior import main as prior

    given = ["--fit=gaussian_mixture", "--components=2", "--importance-samples=5", "--no-pictures"]
    return prior(["run", *given, "--out=refit"])


def refusal(call):
    try:
        call()
    except ValueError as error:
        return str(error)
    return None


def refused(every):
    from vae_jax import fit

    how = {"key": every.KEY, "epochs": 1, "batch_size": 21}
    return refusal(lambda: fit(every.MODEL, every.STEP, every.DATA, **how))


def call(address, index):
    """The library from Python."""
    jax.distributed.initialize(address, 2, index)  # before a key is made
    import test_all_devices as every

    from vae_jax import devices, runs

    how = runs.Training(evaluate_every=2, score=False, pictures=False)
    runs.start("digits", OPTIONS, how, Path("run"))
    given = (every.MODEL, every.params(), every.KEY)
    found = {
        "count": devices.count(),
        "fit": of_fit(every),
        **of_streams(every),
        "evaluations": {name: summed(every.EVALUATIONS[name](*given)) for name in EVALUATIONS},
        **of_agreement(index),
        "noticed": of_a_notice(every, index),
        "refused": refused(every),
        "parts": of_parts(every),
        "scoring": of_scoring(index),
        "prior": of_a_prior(),
    }
    Path(f"{index}.json").write_text(json.dumps(found), "utf-8")


def command(address, index, at, number, arguments):
    """The command line; the exit status."""
    from vae_jax.cli import terminal
    from vae_jax.cli.train import main as train

    if number and index == 1:
        update = terminal.EpochBar.update

        def disturbed(self, row):
            update(self, row)
            if row["data"] == "train" and row["epoch"] == at:
                os.kill(os.getpid(), number)

        terminal.EpochBar.update = disturbed
    return train([*arguments, "--hosts", f"{address},2,{index}"])


def main(address, index, at, number, *arguments):
    """One of two processes."""
    if arguments:
        return command(address, int(index), int(at), int(number), arguments)
    return call(address, int(index))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
