"""What is read from compiled programs, and the table made of it."""

import json

import numpy as np

from experiments.benchmarks import devices

PROGRAM = """
  %all-reduce.1 = (f32[3]{0}, f32[]) all-reduce(%a, %b), to_apply=%add
  %x = f32[3]{0} get-tuple-element(%all-reduce.1), index=0, metadata={op_name="all-reduce(x)"}
  ROOT %all-reduce.2 = (pred[2,2]{1,0}, /*index=5*/bf16[2]{0}) all-reduce(%c, %d), to_apply=%add
  %all-gather.7 = u8[8,4]{1,0} all-gather(%e), dimensions={0}
"""


def test_collectives_of_a_program():
    assert devices.collectives(PROGRAM) == {
        "all-reduce": {"count": 2, "bytes": 16 + 8},
        "all-gather": {"count": 1, "bytes": 32},
    }
    assert devices.collectives(None) == {}


def test_difference():
    one = {"a": np.array([1.0, -4.0]), "b": np.array([10.0])}
    other = {"a": np.array([1.0, -3.0]), "b": np.array([9.0])}
    assert devices.difference(one, other) == 0.25
    assert devices.difference(one, one) == 0.0


def test_the_table_of_a_tiny_case(monkeypatch, tmp_path, capsys):
    """Two devices, in a process of their own."""
    tiny = "devices.CASE._replace(encoder=(4,), decoder=(4,), latent=2, batch=8, draws=1)"
    child = f"""
import json, sys
from experiments.benchmarks import devices
print(json.dumps(devices.measure(int(sys.argv[1]), {tiny}, steps=2)))
"""
    monkeypatch.setattr(devices, "_CHILD", child)
    devices.main(2, tmp_path / "results" / "devices.json")
    saved = json.loads((tmp_path / "results" / "devices.json").read_text())
    one, two = saved["rows"]
    assert (one["devices"], two["devices"]) == (1, 2)
    assert (one["difference"], one["collectives"]) == (0.0, {})
    assert two["operations"] < one["operations"]
    assert two["difference"] < 1e-4
    assert two["difference_float64"] < 1e-12
    reduced = {"all-reduce": {"count": 1, "bytes": saved["gradient_bytes"] + 4}}
    assert two["collectives"] == reduced
    assert saved["circumstances"]["versions"]["jax"]
    printed = capsys.readouterr().out
    assert "the gradient has" in printed
    assert f"1 all-reduce of {saved['gradient_bytes'] + 4:,} bytes" in printed
