"""The parts of a step, made small."""

import jax
import numpy as np
import pytest

from experiments.benchmarks import anatomy
from experiments.benchmarks.cases import CASES

SMALL = CASES["iwae k=1"]._replace(encoder=(4,), decoder=(3,), latent=2, batch=2, draws=3)


def test_parts_take_turns_and_the_floor_is_products_and_adam():
    row = anatomy.measure(SMALL, steps=2, rounds=3)
    seconds = row["seconds"]
    assert list(seconds) == list(anatomy.PARTS)
    assert min(seconds.values()) > 0
    assert {len(every) for every in row["every_seconds"].values()} == {3}
    every = row["every_seconds"]
    floors = np.add(every["products"], every["Adam"])
    assert row["floor"] == np.median(floors)
    assert row["over_floor"] == np.median(every["whole"] / floors)


def test_bytes_that_adam_moves():
    """Parameters, gradient and two moments are read, parameters and moments written; 4 bytes."""
    encoder = 784 * 4 + 4 + 2 * (4 * 2 + 2)
    decoder = 2 * 3 + 3 + 3 * 784 + 784
    assert anatomy.adam_bytes(SMALL) == 7 * 4 * (encoder + decoder)


@pytest.mark.parametrize(
    "part", [anatomy.adam, anatomy.noise, anatomy.density, anatomy.gathering, anatomy.binarisation]
)
def test_every_step_of_a_part_depends_on_the_one_before(part, monkeypatch):
    """So that a compiler can take nothing out of the loop."""
    loops = []
    monkeypatch.setattr(anatomy, "_loop", lambda step, first, steps: loops.append((step, first)))
    part(SMALL, 1)
    step, first = loops[0]
    once = step(first, jax.random.key(0))
    twice = step(once, jax.random.key(1))

    def differ(a, b):
        pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
        return any(np.any(x != y) for x, y in pairs)

    assert differ(first, once)
    assert differ(once, twice)
