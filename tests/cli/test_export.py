"""`export`: read back by what other programs have, and not by this library."""

import json
import subprocess
import sys

import jax
import numpy as np
from safetensors.numpy import load_file

from vae_jax.cli import export
from vae_jax.runs import load_run

NESTED = """
import json, sys
from safetensors.numpy import load_file
tree = {}
for name, array in load_file(sys.argv[1]).items():
    *path, last = name.split("/")
    inner = tree
    for part in path:
        inner = inner.setdefault(part, {})
    inner[last] = array
assert not {"jax", "vae_jax"} & set(sys.modules)
print(json.dumps({group: sorted(parts) for group, parts in tree.items()}))
"""


def test_parameters_for_other_programs(digits, tmp_path, capsys):
    path = tmp_path / "d.safetensors"
    assert export.main([str(digits.folder), "--epoch", "1", "--out", str(path)]) == 0
    told = json.loads((tmp_path / "d.safetensors.json").read_text())
    assert str(path) in capsys.readouterr().out
    arrays = load_file(path)
    assert told["parameters"] == {
        name: {"shape": list(array.shape), "dtype": str(array.dtype)}
        for name, array in arrays.items()
    }
    assert (told["config"], told["options"], told["epoch"]) == (
        "digits",
        digits.config["options"],
        1,
    )
    assert told["example"]["x"] == {"shape": [8, 8, 1], "dtype": "float32"}
    leaves = jax.tree_util.tree_leaves_with_path(load_run(digits.folder, epoch=1).params)
    assert len(leaves) == len(arrays)
    for place, leaf in leaves:
        name = jax.tree_util.keystr(place, simple=True, separator="/")
        np.testing.assert_array_equal(arrays[name], leaf)


def test_they_are_read_without_this_library(digits, tmp_path):
    path = tmp_path / "d.safetensors"
    assert export.main([str(digits.folder), "--out", str(path)]) == 0
    command = [sys.executable, "-c", NESTED, str(path)]
    read = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert read.returncode == 0, read.stderr
    groups = json.loads(read.stdout)
    assert {group for group, parts in digits.params.items() if parts} == set(groups)
    assert all(sorted(digits.params[group]) == parts for group, parts in groups.items())
