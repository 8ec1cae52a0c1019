"""The notebook: it runs at a tiny size, twice; what is kept of its output is small and plain."""

import json
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "experiments/colab.ipynb"
CELLS = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
TINY = {
    "repository": "",
    "install": "",  # what is tested is what lies here
    "sizes": "EPOCHS, WIDTH, SAMPLES = 2, 4, 3",
}
MOST_BYTES = 100_000


def source(cell):
    return "".join(cell["source"])


def tag(cell):
    return "".join(cell["metadata"].get("tags", []))


def texts(cells):
    """What was printed, and what was shown as text."""
    shown = [output for cell in cells for output in cell.get("outputs", [])]
    said = [output.get("text", output.get("data", {}).get("text/plain", "")) for output in shown]
    assert {output["output_type"] for output in shown} <= {"stream", "display_data"}  # no error
    return "".join("".join(one) for one in said)


def test_what_is_kept_of_its_output():
    assert set(TINY) == {tag(cell) for cell in CELLS} - {""}
    assert NOTEBOOK.stat().st_size < MOST_BYTES
    said = texts(CELLS)
    assert re.search(r"-log p\(x\) \d+\.\d\d ± 0\.\d+ nats", said)
    assert "\x1b" not in said
    pictures = [o for c in CELLS for o in c.get("outputs", []) if "image/png" in o.get("data", {})]
    assert len(pictures) == 2


def test_the_address_is_that_of_the_project():
    address = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
    (cell,) = (cell for cell in CELLS if tag(cell) == "repository")
    assert f'REPOSITORY = "{address}"' in source(cell)
    badge = r"colab\.research\.google\.com/github/(\S+)/blob/main/experiments/colab\.ipynb"
    (repository,) = re.findall(badge, (ROOT / "README.md").read_text(encoding="utf-8"))
    owner, name = address.split("/")[-2:]
    assert repository == f"{owner.removesuffix('.org')}/{name}"  # example.org has no owners


def test_its_cells_run_and_go_on(tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    kernel = {"argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]}
    place = tmp_path / "kernels/here"
    place.mkdir(parents=True)
    (place / "kernel.json").write_text(
        json.dumps({**kernel, "display_name": "here", "language": "python"})
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    said = []
    for _ in range(2):
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        for cell in notebook.cells:
            cell.source = TINY.get(tag(cell), cell.source)
        nbclient.NotebookClient(
            notebook, kernel_name="here", timeout=600, resources={"metadata": {"path": tmp_path}}
        ).execute()
        said.append(texts(notebook.cells))
    assert "epoch 1: " in said[0]
    assert "epoch 2: " in said[0]
    assert "epoch 1: " not in said[1]  # it went on, and had nothing to do
    assert all("finished after epoch 2" in one and "\x1b" not in one for one in said)
