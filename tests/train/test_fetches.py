"""What is fetched from a device: all of an epoch together."""

from contextlib import contextmanager

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small import DATA, KEY, MODEL, PREPARE, STEP, STEPS, B, run

from vae_jax import stream_epoch
from vae_jax.checkpoint.structure import checksum


@contextmanager
def counted(patch):
    """The fetches made inside: of a tree one, and one of each array that is read by itself."""
    fetches, inside, get = [], [], jax.device_get

    def together(tree):
        fetches.append("together")
        inside.append(True)
        try:
            return get(tree)
        finally:
            inside.pop()

    def alone(read):
        def reading(array, *args, **options):
            if isinstance(array, jax.Array) and not inside:
                fetches.append("alone")
            return read(array, *args, **options)

        return reading

    with patch.context() as one:
        one.setattr(jax, "device_get", together)
        for name in ("__array__", "__bool__", "__float__", "__int__", "__index__", "item"):
            kind = type(jnp.zeros(()))
            one.setattr(kind, name, alone(getattr(kind, name)))
        for name in ("asarray", "ascontiguousarray", "array"):
            one.setattr(np, name, alone(getattr(np, name)))
        yield fetches


@pytest.mark.parametrize("name", STEPS)
def test_an_epoch_is_one_fetch(name, monkeypatch):
    with counted(monkeypatch) as fetches:
        run(STEPS[name], epochs=1)
        first = len(fetches)
        run(STEPS[name], epochs=4)
    assert len(fetches) - 2 * first == 3
    assert fetches[-3:] == ["together"] * 3


def test_metrics_of_a_stream_are_fetched_once(monkeypatch):
    """And stay on the host, where `fit` reads them."""
    source, state = [{"x": x} for x in DATA["x"]], STEP.init(KEY, MODEL.init(KEY, DATA["x"][0]))
    with counted(monkeypatch) as fetches:
        _, metrics = stream_epoch(STEP, state, source, batch_size=B, prepare=PREPARE)
    assert fetches.count("together") == 1
    assert {type(leaf) for leaf in jax.tree.leaves(metrics)} == {np.ndarray}


def test_a_checksum_is_one_fetch(monkeypatch):
    params = MODEL.init(jax.random.key(0), np.zeros(6, np.float32))
    with counted(monkeypatch) as fetches:
        checksum({"params": params, "key": jax.random.key(1)})
    assert fetches == ["together"]
