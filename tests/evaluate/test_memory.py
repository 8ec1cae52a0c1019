"""As many at once as fit in memory, and the same numbers however many those are."""

import jax
import numpy as np
import pytest

from vae_jax import evaluate, generate, memory, standard_gaussian, vae
from vae_jax.networks import MLP, BernoulliHead, GaussianHead, Network

N = 11
X = (np.random.default_rng(0).random((N, 6)) < 0.4).astype(np.float32)
MODEL = vae(
    Network(MLP((4,)), GaussianHead((2,))),
    Network(MLP((4,)), BernoulliHead((6,))),
    standard_gaussian(2),
)
PARAMS = MODEL.init(jax.random.key(5), X[0])
KEY = jax.random.key(1)
ROUNDING = {"rtol": 1e-5, "atol": 1e-5}  # sums in another order


@pytest.mark.parametrize(
    ("room", "needed", "expected"),
    [
        (1000, lambda n: 10 * n, 64),
        (100, lambda n: 10 * n, 10),
        (100, lambda n: 50 + 10 * n, 5),  # 64, 9, 6, 5
        (100, lambda n: 1e6 * n, 1),
        (100, lambda n: None, 64),
        (None, lambda n: 1e9 * n, 64),
    ],
)
def test_the_largest_number_that_fits(monkeypatch, room, needed, expected):
    monkeypatch.setattr(memory, "room", lambda: room)
    assert memory.most_at_once(needed, 64) == expected


def test_the_room_is_a_share_of_the_machine_or_of_the_containers_part(monkeypatch, tmp_path):
    unlimited, limited = tmp_path / "max", tmp_path / "limited"
    unlimited.write_text("max\n")
    limited.write_text("8000\n")
    monkeypatch.setattr(memory, "_LIMITS", (str(unlimited), str(tmp_path / "missing")))
    assert memory.room() > 1e6
    monkeypatch.setattr(memory, "_LIMITS", (str(unlimited), str(limited)))
    assert memory.room() == 1000


def test_what_a_program_needs_grows_with_its_batch():
    program = jax.jit(lambda x: jax.numpy.sort(x, axis=1)[:, :, None] * x[:, None])
    few, many = (memory.bytes_needed(program, np.ones((n, 50), np.float32)) for n in (10, 100))
    assert few >= 10 * 50 * 50 * 4  # its result
    np.testing.assert_allclose(many, 10 * few, rtol=0.2)


def _counted(batches):
    """A `progress` that notes how many batches there were."""

    def wrap(starts):
        batches.append(len(starts))
        return starts

    return wrap


LOOKS = {
    "elbos": lambda **how: evaluate.elbos(MODEL, PARAMS, KEY, {"x": X}, **how),
    "log_likelihoods": lambda **how: evaluate.log_likelihoods(
        MODEL, PARAMS, KEY, {"x": X}, num_samples=7, **how
    ),
    "mutual_information": lambda **how: evaluate.mutual_information(
        MODEL, PARAMS, KEY, {"x": X}, **how
    ),
    "sample": lambda **how: generate.sample(MODEL, PARAMS, KEY, N, draw_x=True, **how),
    "reconstruct": lambda **how: generate.reconstruct(MODEL, PARAMS, KEY, X, draw_z=True, **how),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_numbers_do_not_depend_on_what_fits(monkeypatch, look):
    """All at once, or one example (and one draw) at a time."""
    batches = []
    together = look(progress=_counted(batches))
    monkeypatch.setattr(memory, "room", lambda: 1)
    alone = look(progress=_counted(batches))
    assert batches == [1, N]
    for one, other in zip(jax.tree.leaves(together), jax.tree.leaves(alone), strict=True):
        np.testing.assert_allclose(one, other, **ROUNDING)


@pytest.mark.parametrize("kind", ["threefry2x32", "rbg"])
def test_samples_do_not_depend_on_their_batches(kind):
    key = jax.random.key(3, impl=kind)
    one, other = (generate.sample(MODEL, PARAMS, key, 9, batch_size=size) for size in (100, 4))
    np.testing.assert_allclose(one, other, **ROUNDING)
    assert len(np.unique(one, axis=0)) == 9


def test_no_samples():
    with pytest.raises(ValueError, match="There are no examples: their leading axis is 0"):
        generate.sample(MODEL, PARAMS, KEY, 0)
