"""What cannot be trained leaves no folder, and says which option is at fault."""

import pytest

from vae_jax.cli.sample import main as sample
from vae_jax.cli.train import main as train

SMALL = ["--hidden", "4", "--latents", "2"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seed", str(2**64)], "seed must be in 0 .. 4,294,967,295; got 18446744073709551616."),
        (["--seed", str(2**32)], "seed must be in 0 .. 4,294,967,295; got 4294967296."),
        (["--seed", "-1"], "seed must be in 0 .. 4,294,967,295; got -1."),
        (["--epochs", str(10**30)], f"epochs must be below 2,147,483,648; got {10**30}."),
        (["--epochs", "500000000"], "steps of each must be below 2,147,483,648"),
        (["--keep", str(10**30)], f"keep must be below 2,147,483,648; got {10**30}."),
        (["--seeds", "3", str(2**32)], "Seeds are different numbers, 0 .. 4,294,967,295; got"),
    ],
)
def test_numbers_that_are_too_large(options, message, tmp_path, capsys):
    place = tmp_path / "new" / "run"
    assert train(["digits", *SMALL, *options, "--out", str(place)]) == 1
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not place.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_a_file(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert train(["digits", *SMALL, "--out", str(tmp_path / "file" / "run")]) == 1
    assert (
        "file (File exists): make room, or name another place with --out."
        in capsys.readouterr().err
    )


def test_the_seed_of_a_command(digits, tmp_path, capsys):
    assert sample([str(digits.folder), "--seed", str(2**32), "--out", str(tmp_path / "a")]) == 1
    assert "seed must be in 0 .. 4,294,967,295" in capsys.readouterr().err
