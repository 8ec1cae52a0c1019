"""Several seeds at once are what each is alone; what was begun goes on."""

from functools import partial
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from tiny_mnist import TINY

from experiments.papers.iwae import cells, together
from experiments.papers.iwae.rows import ROWS

pytestmark = pytest.mark.usefixtures("tiny_data")


@pytest.fixture
def begun():
    together._model_and_images.cache_clear()
    row = ROWS["dynamic-1-iwae-5-dreg"]
    yield together.training(tuple(cells.Cell(row, "short", TINY, seed) for seed in (1, 2)), None)
    together._model_and_images.cache_clear()


def test_seeds_at_once_end_where_each_ends_alone(begun, tmp_path):
    """Adam turns some roundings into steps of 1e-3."""
    cell, key = begun.cells[1], jax.random.key(2)
    states, loss = together.advance(begun, together.begin(begun), TINY.epochs)
    how = (cell, tmp_path, begun.model, begun.examples, key)
    alone = cells._fit(*how, lambda row: None, lambda: False)
    first, second = (jax.tree.map(lambda leaf, i=i: leaf[i], states.params) for i in (0, 1))
    close = partial(np.testing.assert_allclose, atol=3e-3)
    jax.tree.map(close, second, alone.state.params)
    assert float(loss[1]) == pytest.approx(alone.rows[-2]["loss"], rel=1e-4)
    assert float(loss[0]) != pytest.approx(float(loss[1]), rel=1e-4)
    with pytest.raises(AssertionError):
        jax.tree.map(close, first, alone.state.params)


def others_of(begun):
    """The same cells of another learning rate, whose files have the same names."""
    settings = begun.cells[0].settings._replace(learning_rate=7.0)
    others = [cell._replace(settings=settings) for cell in begun.cells]
    return tuple(
        SimpleNamespace(**cell._asdict(), name=old.name, identity=cell.identity)
        for cell, old in zip(others, begun.cells, strict=True)
    )


def test_what_was_begun_goes_on_to_the_same_bits(begun, tmp_path):
    whole, _ = together.advance(begun, together.begin(begun), TINY.epochs)
    assert together.load(tmp_path, begun) is None
    part, _ = together.advance(begun, together.begin(begun), 1)
    together.save(tmp_path, begun, part, 7.0)
    assert len(list(tmp_path.iterdir())) == 2  # a file a seed
    kept, seconds = together.load(tmp_path, begun)
    resumed, _ = together.advance(begun, kept, TINY.epochs - 1)
    assert seconds == 7.0
    assert together.load(tmp_path, begun._replace(cells=others_of(begun))) is None
    one = begun._replace(cells=begun.cells[:1])
    together.save(tmp_path, one, jax.tree.map(lambda leaf: leaf[:1], whole), 9.0)
    assert together.load(tmp_path, begun) is None  # one seed has come further
    jax.tree.map(
        lambda a, b: np.testing.assert_array_equal(together._plain(a), together._plain(b)),
        resumed,
        whole,
    )
