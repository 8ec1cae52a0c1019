"""Epochs of a source: the same bits as epochs in memory, and from the middle of one."""

import builtins
import re
import threading

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from PIL import Image

from vae_jax import descend, standard_gaussian, train_epoch, vae, weighted_sum
from vae_jax.data import binarise, open_array, open_images
from vae_jax.networks import MLP, BernoulliHead, GaussianHead, Network, one_hot
from vae_jax.objectives import Aux
from vae_jax.train import epoch_order, stream_epoch

N, B = 23, 5
GREYS = np.random.default_rng(0).integers(0, 256, (N, 6)).astype(np.uint8)
LABELS = np.arange(N, dtype=np.int32) % 3


def make_model(shape=(6,), embed=None):
    return vae(
        Network(MLP((4,)), GaussianHead((2,)), embed=embed),
        Network(MLP((4,)), BernoulliHead(shape), embed=embed),
        standard_gaussian(2),
    )


MODEL = make_model()
STEP = descend(weighted_sum(MODEL), optax.adam(1e-2))
PARAMS = MODEL.init(jax.random.key(5), GREYS[0])


def start(step=STEP, params=PARAMS):
    return step.init(jax.random.key(1), params)


def listed(x, c=None):
    return [{"x": x[i]} if c is None else {"x": x[i], "c": c[i]} for i in range(len(x))]


def assert_same_bits(one, other):
    def raw(leaf):
        is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        return np.asarray(jax.random.key_data(leaf) if is_key else leaf)

    jax.tree.map(lambda a, b: np.testing.assert_array_equal(raw(a), raw(b)), one, other)


def in_memory(state, data, step=STEP, count=2):
    for _ in range(count):
        state, metrics = train_epoch(
            step, state, data, batch_size=B, prepare=binarise(255), scan=False
        )
    return state, metrics


def streamed(state, source, step=STEP, count=2, **settings):
    for _ in range(count):
        state, metrics = stream_epoch(
            step, state, source, batch_size=B, prepare=binarise(255), **settings
        )
    return state, metrics


@pytest.mark.parametrize("settings", [{}, {"threads": 1, "prefetch": 1}, {"threads": 9}])
def test_the_same_bits_as_in_memory(settings, tmp_path, capfd, caplog):
    np.save(tmp_path / "x.npy", GREYS)
    expected = in_memory(start(), {"x": GREYS})
    assert_same_bits(streamed(start(), open_array(tmp_path / "x.npy"), **settings), expected)
    assert expected[0].step == 8
    assert_same_bits(streamed(start(), listed(GREYS), **settings), expected)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_the_same_bits_of_images_with_labels(tmp_path):
    order = np.argsort(LABELS, kind="stable")
    for i in order:
        path = tmp_path / str(LABELS[i]) / f"{i:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(GREYS[i].reshape(2, 3)).save(path)
    images = GREYS[order].reshape(N, 2, 3, 1)
    model = make_model((2, 3, 1), one_hot(3))
    step = descend(weighted_sum(model), optax.adam(1e-2))
    params = model.init(jax.random.key(5), images[0], LABELS[0])
    expected = in_memory(start(step, params), {"x": images, "c": LABELS[order]}, step)
    source = open_images(tmp_path, labels=True)
    assert_same_bits(streamed(start(step, params), source, step), expected)


@pytest.mark.parametrize("parts", [(2, None), (1, 1, 1, 1), (3, 7)])
def test_two_steps_and_the_rest_are_an_epoch(parts):
    """In the second epoch, where the order is not that of step 0."""
    source = listed(GREYS)
    whole, metrics = streamed(start(), source)
    state, _ = streamed(start(), source, count=1)
    reported = []
    for num_steps in parts:
        state, some = streamed(state, source, count=1, num_steps=num_steps)
        reported.append(some["loss"])
    assert_same_bits(state, whole)
    np.testing.assert_array_equal(np.concatenate(reported), metrics["loss"])
    assert state.step == 8


def watching(params, key, batch, step):
    """An objective that reports what it was given."""
    return jnp.sum(params["encoder"] ** 2), Aux({**batch, "step": step})


def test_the_order_is_that_of_epoch_order():
    step = descend(watching, optax.sgd(0.1))
    state = step.init(jax.random.key(1), {"encoder": jnp.ones(2)})
    ids = listed(np.arange(N))
    for first in (0, 4):
        state, metrics = stream_epoch(step, state, ids, batch_size=B)
        order = epoch_order(jax.random.key(1), first, N, B)
        np.testing.assert_array_equal(metrics["x"], order)
        np.testing.assert_array_equal(metrics["step"], first + np.arange(4))


def test_epoch_order():
    order = epoch_order(jax.random.key(0), 8, N, B)
    assert order.shape == (4, B)
    # The stream of the key is part of what a saved run goes on with.
    stream = jax.random.fold_in(jax.random.fold_in(jax.random.key(0), 2**32 - 1), 8)
    np.testing.assert_array_equal(np.ravel(order), jax.random.permutation(stream, N)[: 4 * B])
    np.testing.assert_array_equal(order, epoch_order(jax.random.key(0), jnp.int32(8), N, B))
    assert not np.array_equal(order, epoch_order(jax.random.key(0), 4, N, B))
    assert not np.array_equal(order, epoch_order(jax.random.key(1), 8, N, B))
    with pytest.raises(ValueError, match="4 examples do not fill one batch of 5"):
        epoch_order(jax.random.key(0), 0, 4, B)
    with pytest.raises(TypeError, match="key must be a typed key"):
        epoch_order(jax.random.PRNGKey(0), 0, N, B)


def reading_threads():
    return [t for t in threading.enumerate() if t.name.startswith("grain")]


def test_what_a_source_raises_reaches_the_user_by_name(tmp_path):
    for i, image in enumerate(GREYS):
        Image.fromarray(image.reshape(2, 3)).save(tmp_path / f"{i:02}.png")
    source = open_images(tmp_path)
    (tmp_path / "17.png").write_bytes(b"cut short")
    assert 17 in np.asarray(epoch_order(jax.random.key(1), 0, N, B))
    step = descend(watching, optax.sgd(0.1))
    state = step.init(jax.random.key(1), {"encoder": jnp.ones(2)})
    with pytest.raises(ValueError, match=r"Example 17 of the source .*/17\.png cannot be decoded"):
        stream_epoch(step, state, source, batch_size=B)
    for thread in reading_threads():  # they end, as nothing more is asked of them
        thread.join(10)
    assert not reading_threads()


@pytest.mark.parametrize("error", [StopIteration("7"), KeyError("7"), OSError(5, "7")])
def test_no_error_of_a_source_ends_an_epoch_in_silence(error):
    class Broken(list):
        def __getitem__(self, i):
            if i == 17:
                raise error
            return super().__getitem__(i)

    message = f"Example 17 of the source cannot be read. {type(error).__name__}: "
    with pytest.raises(ValueError, match=re.escape(message)):
        streamed(start(), Broken(listed(GREYS)))


def test_batches_are_counted(monkeypatch):
    def ended(source, index):
        raise StopIteration

    monkeypatch.setattr("vae_jax.train.streams._batch", ended)
    with pytest.raises(ValueError, match="The source ended after 0 of 4 batches"):
        streamed(start(), listed(GREYS))


def test_each_example_is_read_once_by_several_threads():
    reads, meet = [], threading.Barrier(2, timeout=10)

    class Slow:
        def __len__(self):
            return 2

        def __getitem__(self, i):
            meet.wait()  # for another thread: one alone would wait in vain
            reads.append(i)
            return {"x": GREYS[i]}

    stream_epoch(STEP, start(), Slow(), batch_size=1, prepare=binarise(255), threads=2)
    assert sorted(reads) == [0, 1]


def test_without_grain(monkeypatch):
    imported = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.split(".")[0] == "grain":
            raise ImportError(name)
        return imported(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    state = start()
    with pytest.raises(ImportError, match=r'pip install "vae_jax\[stream\]", or pip install grain'):
        streamed(state, listed(GREYS))
    assert not state.step.is_deleted()


def test_refusals():
    with pytest.raises(ValueError, match="4 examples do not fill one batch of 5"):
        streamed(start(), listed(GREYS[:4]))
    for name in ("num_steps", "threads", "prefetch"):
        with pytest.raises(ValueError, match=f"{name} must be at least 1; got 0"):
            streamed(start(), listed(GREYS), **{name: 0})
    with pytest.raises(TypeError, match=r'Data is a dict \{"x": examples\}'):
        streamed(start(), list(GREYS))
    ragged = [{"x": GREYS[0]}] * 4 + [{"x": GREYS[0][:5]}]
    message = (
        r"Example \d of the source has the shapes \{'x': \(\d,\)\}, and example \d \{'x': \(\d"
    )
    with pytest.raises(ValueError, match=message):
        streamed(start(), ragged)
    state = start()
    streamed(state, listed(GREYS), count=1)
    with pytest.raises(ValueError, match="use the state it returned"):
        streamed(state, listed(GREYS))
