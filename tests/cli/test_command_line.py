"""What a user reads: help, errors, and the exit status that a script reads."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from vae_jax.cli import command, main, options
from vae_jax.cli.train import main as train
from vae_jax.configs import CONFIGS
from vae_jax.data import prepared
from vae_jax.extras import install

ROOT = Path(__file__).parents[2]
COMMANDS = list(main.COMMANDS)


def status(call, arguments):
    with pytest.raises(SystemExit) as exited:
        call(arguments)
    return exited.value.code


def module(name):
    return importlib.import_module(f"vae_jax.cli.{name}")


@pytest.mark.parametrize("name", COMMANDS)
def test_help(name, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    assert status(module(name).main, ["--help"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.startswith(f"usage: vae_jax {name} ")
    assert re.search(rf"^  vae_jax {name} ", said.out, re.MULTILINE)  # an example
    assert "Exit status: 0; 1 for an error, told on stderr" in said.out
    assert "{prog}" not in said.out
    assert "(default: )" not in said.out
    assert not re.search("[\N{NO-BREAK SPACE}\N{ZERO WIDTH SPACE}]", said.out)
    assert len(said.out.partition(" subcommands ")[0].splitlines()) < 80
    usage, *others = said.out.splitlines()
    assert all(len(line) <= 100 for line in others)
    assert usage.split()[-1] != "..."


@pytest.mark.parametrize("name", CONFIGS)
def test_help_of_a_config(name, capsys):
    assert status(train, [name, "--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: vae_jax train {name} [-h] ")
    assert re.search(r"--epochs ({None}\|)?INT", text)
    for option in ("--seed INT", "--hold-out INT", "--out "):
        assert option in text
    described = (CONFIGS[name].__doc__ or "").split("\n")[0]
    assert described in text


def test_help_lists_the_configs(capsys):
    assert status(train, ["--help"]) == 0
    text = capsys.readouterr().out
    assert all(re.search(rf"• {name}\s", text) for name in CONFIGS)
    assert re.search(r"--out .*A new folder for the run", " ".join(text.split()))
    assert "22.85" not in text  # what to expect is told by the help of a config
    assert status(train, ["mnist_iwae", "--help"]) == 0
    text = capsys.readouterr().out
    assert re.search(
        r"--draws \{None\}\|INT[ │\n]+Of z for each example .*\(default: 5\)", text, re.DOTALL
    )


def test_a_misspelt_option(capsys):
    assert status(train, ["digits", "--epoch", "3"]) == 2
    message = capsys.readouterr().err
    assert "Unrecognized options: --epoch" in message
    assert re.search(r"Perhaps you meant:\W+--epochs INT", message)
    assert "vae_jax train digits --help" in message
    assert "fashion_conv" not in message


def test_a_hint_names_the_whole_program(capsys):
    with pytest.raises(SystemExit):
        train(["--epoch", "3"], prog="python -m experiments.train")
    message = capsys.readouterr().err
    assert "in python -m experiments.train digits --help" in message
    assert "\N{NO-BREAK SPACE}" not in message


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("train", "compare")])
def test_a_run_folder_is_needed(name, capsys, tmp_path):
    call = module(name).main
    assert status(call, []) == 2
    assert "The run folder. (required)" in capsys.readouterr().err
    assert call([str(tmp_path)]) == 1
    message = f"error: {tmp_path} is no run folder: there is no config.json in it.\n"
    assert capsys.readouterr().err == message


def test_an_unknown_config(capsys):
    assert train(["digit"]) == 2
    message = "there is no config 'digit'. Did you mean 'digits'? There are: "
    assert message + ", ".join(CONFIGS) in capsys.readouterr().err
    assert train(["zzz"]) == 2
    assert "Did you mean" not in capsys.readouterr().err


def test_data_that_are_not_there(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(prepared, "default_data_dir", lambda: tmp_path)
    assert train(["mnist_vae"]) == 1
    message = capsys.readouterr().err
    assert message.startswith("error: mnist is not on this machine")
    assert "Pass --raw <folder with the four idx files" in message
    assert "or --download to get them" in message
    assert message.count("\n") == 1


def test_keyword_arguments_are_spelt_as_options():
    assert (
        options.spelt("Pass data_dir=<folder>, or as_is=True.")
        == "Pass --data-dir <folder>, or --as-is."
    )
    assert options.spelt("given length=3, K=<5") == "given length=3, K=<5"
    assert options.spelt("no x[as_is=True]/y.") == "no x[as_is=True]/y."  # a path


def wrong(error):
    def call() -> None:
        """Go wrong."""
        raise error

    return call


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("no\n  such thing."), "error: no such thing.\n"),
        (OSError(28, "No space left"), "error: [Errno 28] No space left\n"),
        (ImportError("pip install it."), "error: pip install it.\n"),
        (
            RuntimeError("RESOURCE_EXHAUSTED: Out of memory"),
            "error: There is not memory enough (RESOURCE_EXHAUSTED: Out of memory). Less is needed"
            " by fewer or smaller layers, a smaller batch, and fewer draws or examples at once.\n",
        ),
        (RuntimeError("odd"), "error: RuntimeError: odd (see --debug)\n"),
        (KeyError("name"), "error: KeyError: 'name' (see --debug)\n"),
    ],
)
def test_an_error_is_a_line(error, message, capsys):
    assert command.run(wrong(error), [], "vae_jax wrong", "Wrong.") == 1
    assert capsys.readouterr().err == message


def test_a_traceback_is_to_be_asked_for(capsys):
    assert command.run(wrong(ValueError("no")), ["--debug"], "vae_jax wrong", "Wrong.") == 1
    message = capsys.readouterr().err
    assert message.startswith("Traceback")
    assert message.endswith("ValueError: no\n")


def test_ctrl_c_is_no_traceback(capsys):
    assert command.run(wrong(KeyboardInterrupt()), [], "vae_jax wrong", "Wrong.") == 130
    assert "Traceback" not in capsys.readouterr().err


CASES = {
    "sample": [
        (["--number", "0"], "number must be at least 1; got 0"),
        (["--label", "3"], "The model takes no condition: leave --label out"),
        (["--temperature", "-1"], r"temperature must be finite and at least 0; got -1\.0"),
        (["--epoch", "9"], r"There is no checkpoint at .*/9; there are \[1, 2\]"),
    ],
    "reconstruct": [(["--number", "0"], "number must be at least 1; got 0")],
    "interpolate": [
        (["--pairs", "1"], "--pairs needs an even number of examples; got 1"),
        (["--pairs", "1", "360"], "--pairs are numbers of test examples, 0 to 359; got"),
        (["--steps", "1"], "must be at least 2"),
    ],
    "traverse": [
        (["--steps", "0"], "steps must be at least 1; got 0"),
        (["--example", "360"], r"--example must be in 0 \.\. 359; got 360"),
        (["--latents", "3"], r"dimension must be in 0 \.\. 2; got 3"),
    ],
    "evaluate": [
        (["--importance-samples", "0"], "importance_samples must be at least 1; got 0"),
        (["--data", "there"], "The config digits brings its own data: leave --data out"),
        (["--per-example", "a.txt"], r"--per-example must end in \.npz, \.csv or \.parquet; got"),
    ],
    "embed": [
        (["--out", "a.txt"], r"--out must end in \.npz, \.csv or \.parquet; got a\.txt"),
        (["--data", "/absent/x"], "There is nothing at /absent/x"),
    ],
}


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [(name, *case) for name, cases in CASES.items() for case in cases],
)
def test_options_that_make_no_sense(
    name, arguments, message, digits, capsys, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    assert module(name).main([str(digits.folder), *arguments]) == 1
    said = capsys.readouterr().err
    assert re.match(f"error: .*{message}", said)
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_condition_is_needed(conditional, capsys, tmp_path):
    module("embed").main([str(conditional.folder), "--data", str(tmp_path)])
    assert "This model needs a condition for each example" in capsys.readouterr().err


def test_one_run_is_no_comparison(digits, capsys):
    assert module("compare").main([str(digits.folder)]) == 1
    assert capsys.readouterr().err == "error: compare needs two run folders or more; got 1.\n"


def test_streamed_data_are_not_embedded_at_once(pictures, capsys):
    assert module("embed").main([str(pictures.folder), "--split", "train"]) == 1
    assert "These training data are streamed" in capsys.readouterr().err


def test_parquet_without_pyarrow(digits, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    out = tmp_path / "a.parquet"
    assert module("embed").main([str(digits.folder), "--out", str(out)]) == 1
    message = "error: parquet needs pyarrow, which is not installed: use .npz.\n"
    assert capsys.readouterr().err == message


def test_vae_jax_lists_its_commands(capsys):
    for arguments in ([], ["--help"], ["-h"]):
        assert main.main(arguments) == 0
        text = capsys.readouterr().out
        assert all(re.search(rf"^  {name} +\w", text, re.MULTILINE) for name in COMMANDS)
    assert main.main(["trian"]) == 2
    assert capsys.readouterr().err.startswith("error: there is no command 'trian'.")


def test_the_commands_are_the_modules():
    shared = {"__init__", "command", "main", "options", "output", "signals", "streams", "terminal"}
    shared |= {"choice", "joined", "seeds", "watched"}  # of train
    files = {path.stem for path in (ROOT / "vae_jax" / "cli").glob("*.py")}
    assert files - shared == set(COMMANDS)
    assert set(COMMANDS) <= {path.stem for path in (ROOT / "experiments").glob("*.py")}


@pytest.mark.parametrize("name", COMMANDS)
def test_vae_jax_hands_over(name, monkeypatch):
    given = []
    watched = lambda rest, configs: given.append((rest, configs)) or 7  # noqa: E731
    monkeypatch.setattr(module(name), "main", watched)
    assert main.main([name, "some", "--more"]) == 7
    assert main.main([name], {"mine": None}) == 7
    assert given == [(["some", "--more"], None), ([], {"mine": None})]


def test_a_missing_extra_is_named(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tyro", None)
    monkeypatch.delitem(sys.modules, "vae_jax.cli.sample", raising=False)
    assert main.main(["sample"]) == 1
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert message.endswith(f"need more than the library: {install('experiments')}.\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_clone_has_the_same_commands(name):
    main = importlib.import_module(f"experiments.{name}").main
    assert (main.args, main.keywords) == ((name,), {"prog": f"python -m experiments.{name}"})
    assert callable(module(name).main)


def test_a_clone_runs_them():
    shown = subprocess.run(
        [sys.executable, "-m", "experiments.traverse", "--help"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert shown.returncode == 0
    assert shown.stdout.startswith("usage: python -m experiments.traverse ")
    assert shown.stderr == ""
