"""`compare`: runs side by side."""

from PIL import Image
from tiny_runs import copy, edit, read

from vae_jax.cli import compare


def test_a_table_and_a_plot(digits, conditional, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(compare.console, "_width", 200)
    out = tmp_path / "both.png"
    runs = [digits.folder, conditional.folder]
    assert compare.main([*map(str, runs), "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    for run in runs:
        scores = read(run, "evaluation.json")
        assert f"{-scores['elbo']['elbo']:.2f}" in shown
        assert f"{-scores['log_likelihood']['value']:.2f}" in shown
        baselines = [line for line in shown.splitlines() if "independent, without latents" in line]
        assert f"{-scores['baselines']['independent']:.2f}" in baselines[0]
    lines = [line for line in shown.splitlines() if " hidden " in line]
    assert len(lines) == 1
    assert "[16]" in lines[0]
    assert "[4]" in lines[0]
    assert " batch_size " not in shown  # the same in both
    with Image.open(out) as picture:
        picture.load()
        assert picture.format == "PNG"


def test_a_run_without_scores(digits, tmp_path, capsys):
    other = copy(digits.folder, tmp_path / "run")
    (other / "evaluation.json").unlink()
    edit(other, options={**digits.config["options"], "seed": 5})
    arguments = [str(digits.folder), str(other), "--out", str(tmp_path / "a.png")]
    assert compare.main(arguments) == 0
    assert "not evaluated" in " ".join(capsys.readouterr().out.split())
