"""Configs of a script, each through the whole command line: trained, scored, shown, resumed."""

import json
import math

import numpy as np
import pytest
from own_configs import OWN
from tiny_runs import read, rows

from vae_jax import load_run, plots
from vae_jax.cli.main import main
from vae_jax.cli.train import main as train
from vae_jax.runs import scores

PICTURES = {"samples.png", "reconstructions.png", "traversal.png", "latent_map.png"}


@pytest.fixture(scope="module")
def titles():
    """Of the images that are saved."""
    found, save = [], plots.save_images

    def saved(path, images, columns, title, *others):
        found.append(title)
        save(path, images, columns, title, *others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plots, "save_images", saved)
        yield found


@pytest.fixture(scope="module", params=OWN)
def run(request, tmp_path_factory, titles):
    titles.clear()
    folder = tmp_path_factory.mktemp("trained") / "run"
    given = ["train", *request.param.split(), "--clip", "5", "--out", str(folder)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scores, "_INFORMED_BY_PASSES", 5)
        assert main(given, OWN) == 0
    return load_run(folder, configs=OWN)


def is_layered(run):
    return run.config["config"] in ("layers", "rungs")


def test_a_run_from_its_first_row_to_the_report(run):
    assert {path.name for path in (run.folder / "pictures").iterdir()} == PICTURES
    assert (run.folder / "report.html").exists()
    held_out = [row for row in rows(run.folder) if row["data"] == "held_out"]
    evaluation = read(run.folder, "evaluation.json")
    if run.config["config"] == "point":
        assert set(held_out[0]) == {"data", "epoch", "distortion", "distortion_standard_error"}
        assert all("bound" not in row for row in rows(run.folder))
        assert set(evaluation) == {
            *("epoch", "images", "active_units", "own", "distortion", "baselines", "advice")
        }
        assert evaluation["own"] == 42.0
    else:
        assert math.isfinite(held_out[0]["elbo"])
        log_p, elbo = evaluation["log_likelihood"], evaluation["elbo"]
        assert log_p["value"] > elbo["elbo"] - 3 * elbo["elbo_standard_error"]
        informed = evaluation.get("mutual_information", {}).get("images")
        # log q of draws alone; one vector of codes, of which it is the whole rate
        unknown = run.config["config"] in ("planar", "codes")
        assert informed == (None if unknown else 5 if is_layered(run) else 8)
    report = (run.folder / "report.html").read_text()
    assert ("ELBO" in report) == (run.config["config"] != "point")


def test_every_command_looks_at_it(run, titles, tmp_path, capsys):
    commands = {
        "evaluate": [],
        "sample": ["--number", "12"],
        "reconstruct": ["--draw-z", "--number", "4"],
        "interpolate": ["--steps", "3"],
        "traverse": ["--latents", "0", "1", "--steps", "3"],
        "embed": [],
    }
    for command, options in commands.items():
        suffix = {"evaluate": ".json", "embed": ".npz"}.get(command, "")
        out = ["--out", str(tmp_path / f"{command}{suffix}")]
        assert main([command, str(run.folder), *options, *out], OWN) == 0, capsys.readouterr().err
    assert main(["compare", *2 * [str(run.folder)], "--out", str(tmp_path / "c.png")], OWN) == 0
    samples = np.load(tmp_path / "sample.npz")
    assert all(len(array) == 12 for array in samples.values())
    assert ("c" in samples) == (run.config["config"] == "masked")
    several = is_layered(run)
    z = {name: z for name, z in np.load(tmp_path / "embed.npz").items() if name != "label"}
    assert set(z) == ({"z/z1", "z/z2"} if several else {"z"})
    assert several == any("as one latent of z1 moves, a row each" in title for title in titles)
    assert several == any("through the latents of z1: " in title for title in titles)
    for command in ("traverse", "interpolate"):
        named = dict(np.load(tmp_path / f"{command}.npz"))
        assert named.get("latent") == ("z1" if several else None)
    form = (8, 3, 2) if run.config["config"] == "codes" else (8, 2)
    assert {leaf.shape for leaf in z.values()} == {form}
    assert main(["train", "--resume", str(run.folder)], OWN) == 0  # shows the scores


def test_players_report_a_rate_each(tmp_path):
    assert train(["players", "--out", str(tmp_path / "run")], configs=OWN) == 0
    row = rows(tmp_path / "run")[-2]
    assert row["data"] == "train"
    assert 0 < row["encoder/learning_rate"] < 1e-3
    np.testing.assert_allclose(
        row["decoder/learning_rate"], 1e-4 * 0.5 * (1 + np.cos(0.75 * np.pi))
    )


def test_a_delta_has_no_bound(tmp_path, capsys):
    given = ["point", "--no-rate-is-none", "--out", str(tmp_path / "run")]
    assert train(given, configs=OWN) == 1
    assert "The posterior of z is a Delta" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_script_s_own_config_is_asked_for(tmp_path):
    folder = tmp_path / "run"
    assert train(["vector", "--out", str(folder)], configs=OWN) == 0
    config = read(folder, "config.json")
    assert config["package"] == {"distribution": None, "version": None}
    assert "own_configs" not in json.dumps(config)  # no code, nor where it is
    with pytest.raises(ValueError, match=r"of a script: pass configs=\{'vector': <function>\}"):
        load_run(folder)
