"""Configs by name: those of other packages, loaded when they are asked for."""

import importlib
import re
import sys

import pytest
from tiny_runs import read

from vae_jax import load_run
from vae_jax.cli.train import main
from vae_jax.configs import CONFIGS, find, names

CODE = """
from vae_jax.configs import CONFIGS
from vae_jax.configs.choices import Choices

def few(*, epochs: int = 1):
    '''Digits, of another package.

    Args:
      epochs: Passes.
    '''
    choices = Choices(likelihood="bernoulli", hidden=(4,))
    made = CONFIGS["digits"](epochs=epochs, choices=choices, latents=2, batch_size=718)
    return made._replace(views=made.views._replace(importance_samples=2))
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """A distribution, as pip leaves it: metadata, entry points and a module."""

    def installed(package, code=CODE, name="few"):
        site = tmp_path / package
        about = site / f"{package}-1.5.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.5\n")
        (about / "entry_points.txt").write_text(f"[vae_jax.configs]\n{name} = {package}_code:few\n")
        (site / f"{package}_code.py").write_text(code)
        monkeypatch.syspath_prepend(str(site))
        importlib.invalidate_caches()

    yield installed
    for module in [module for module in sys.modules if module.endswith("_code")]:
        del sys.modules[module]


def test_a_config_of_another_package(install, tmp_path, capsys):
    install("other")
    assert find("few").distribution == "other"
    assert "other_code" not in sys.modules  # nothing is imported to know of it
    folder = tmp_path / "run"
    assert main(["few", "--out", str(folder)]) == 0
    config = read(folder, "config.json")
    assert config["package"] == {"distribution": "other", "version": "1.5"}
    assert (config["config"], config["options"]) == ("few", {"epochs": 1})
    assert load_run(folder).epoch == 1


def test_the_package_of_a_run_is_not_installed(tmp_path, install, monkeypatch):
    install("other")
    folder = tmp_path / "run"
    assert main(["few", "--out", str(folder)]) == 0
    monkeypatch.setattr("vae_jax.configs.lookup.GROUP", "nobody's")
    with pytest.raises(ValueError, match=r"'few' of other 1\.5, which is not installed here"):
        load_run(folder)


def test_two_packages_with_one_name(install, capsys):
    install("one")
    install("two")
    with pytest.raises(ValueError, match=r"brought by (one and two|two and one): .* Uninstall one"):
        find("few")
    assert main(["few"]) == 1
    assert "is brought by" in capsys.readouterr().err
    assert find("digits").distribution == "vae_jax"


def test_a_name_of_this_package_is_not_given_away(install):
    install("other", name="digits")
    with pytest.raises(ValueError, match="'digits' is brought by vae_jax and other"):
        find("digits")
    with pytest.raises(ValueError, match="'text' is brought by vae_jax and this script"):
        find("text", {"text": CONFIGS["text"]})


def test_help_survives_a_package_that_cannot_be_imported(install, capsys):
    install("broken", "import nothing_that_there_is")
    with pytest.raises(SystemExit) as exited:
        main(["--help"])
    assert exited.value.code == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "few cannot be had: ModuleNotFoundError: No module named" in told
    assert re.search(r"• digits\s", told)
    assert main(["few"]) == 1
    assert "few cannot be had: ModuleNotFoundError" in capsys.readouterr().err
    assert "few" in names()


def test_there_is_no_such_name():
    with pytest.raises(ValueError, match="There is no config 'few'; there are digits, "):
        find("few")
