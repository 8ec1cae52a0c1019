"""The contestants of the training benchmark descend one loss: same weights, same noise, same nats.

All numbers of an array of weights are one number, so that the order of its axes does not matter.
The noise is what ours draws for one image, whose draws may come in any order. In float64, because
a float32 sum of thousands of equal numbers rounds them all to one side.
"""

import subprocess

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.benchmarks import models
from experiments.benchmarks.cases import CASES, images
from experiments.benchmarks.contest import ROOT
from experiments.benchmarks.flax_example import Both
from vae_jax import train_epoch

PEERS = ROOT / ".peers/bin/python"
K = 3
PIXELS = images(1).astype(np.float64)
TORCH = f"""
import sys, numpy, torch
from experiments.benchmarks.cases import CASES, images
from experiments.benchmarks.torch_nets import Loss
case, noise = CASES[sys.argv[1]], torch.from_numpy(numpy.load(sys.argv[2]))
loss = Loss(case._replace(draws=min(case.draws, {K}))).double()
torch.randn_like = noise.reshape_as
with torch.no_grad():
    for p in loss.parameters():
        p.fill_(0.5 / p.numel() ** 0.5 if p.dim() > 1 else 0.1)
    print(loss(torch.from_numpy(images(1)).double()).item())
"""


@pytest.fixture(params=CASES)
def case(request, x64):
    case = CASES[request.param]
    return case._replace(batch=1, draws=min(case.draws, K))


def weighted(params):
    return jax.tree.map(
        lambda p: jnp.full(p.shape, 0.5 / p.size**0.5 if p.ndim > 1 else 0.1), params
    )


def ours(case):
    """The loss, and the noise [max(K, 1), D] that it is of."""
    net, example = models.model(case), models.example(case)
    step = models.descent(case, net)
    state = step.init(jax.random.key(0), weighted(net.init(jax.random.key(0), example)))
    normal, drawn = jax.random.normal, []

    def recorded(*args):
        value = normal(*args)
        jax.debug.callback(drawn.append, value)
        return value

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax.random, "normal", recorded)
        data = {"x": PIXELS.reshape(1, *example.shape)}
        loss = train_epoch(step, state, data, batch_size=1)[1]["loss"]
        jax.effects_barrier()
    noise = np.stack(drawn)
    assert noise.shape == (max(case.draws, 1), case.latent)
    return float(loss[0]), noise


def test_the_loss_of_the_flax_example(case, monkeypatch):
    expected, noise = ours(case)
    key, net = jax.random.key(0), Both(case)
    with jax.numpy_rank_promotion("allow"):  # in code that is not ours
        params = weighted(net.init(key, PIXELS, key))
        monkeypatch.setattr(jax.random, "normal", lambda key, shape: noise.reshape(shape))
        loss = net.apply(params, PIXELS, key)
    assert float(loss) == pytest.approx(expected, rel=1e-12)


@pytest.mark.skipif(not PEERS.exists(), reason="no PyTorch and Pythae here: make peers")
def test_the_loss_of_pytorch(case, tmp_path):
    expected, noise = ours(case)
    np.save(tmp_path / "noise.npy", noise)
    command = [PEERS, "-c", TORCH, case.name, tmp_path / "noise.npy"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(expected, rel=1e-12)
