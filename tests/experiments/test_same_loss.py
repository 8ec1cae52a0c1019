"""The contestants of the training benchmark descend one loss: same weights, same noise, same nats.

All numbers of an array of weights are one number, so that the order of its axes does not matter;
all noise is 1, so that a draw is the mean and a scale.
"""

import subprocess

import jax
import jax.numpy as jnp
import pytest

from experiments.benchmarks import models
from experiments.benchmarks.cases import CASES, images
from experiments.benchmarks.contest import ROOT
from experiments.benchmarks.flax_example import Both
from vae_jax import train_epoch

PEERS = ROOT / ".peers/bin/python"
B, K = 4, 3
PIXELS = images(B)
TORCH = f"""
import sys, torch
from experiments.benchmarks.cases import CASES, images
from experiments.benchmarks.torch_nets import Loss
case = CASES[sys.argv[1]]
loss = Loss(case._replace(draws=min(case.draws, {K})))
torch.randn, torch.randn_like = torch.ones, torch.ones_like
with torch.no_grad():
    for p in loss.parameters():
        p.fill_(0.5 / p.numel() ** 0.5 if p.dim() > 1 else 0.1)
    print(loss(torch.from_numpy(images({B}))).item())
"""


@pytest.fixture(params=CASES)
def case(request, monkeypatch):
    monkeypatch.setattr(jax.random, "normal", lambda key, shape=(), dtype=float: jnp.ones(shape))
    case = CASES[request.param]
    return case._replace(batch=B, draws=min(case.draws, K))


def weighted(params):
    return jax.tree.map(
        lambda p: jnp.full(p.shape, 0.5 / p.size**0.5 if p.ndim > 1 else 0.1), params
    )


def ours(case):
    net, example = models.model(case), models.example(case)
    step = models.descent(case, net)
    state = step.init(jax.random.key(0), weighted(net.init(jax.random.key(0), example)))
    data = {"x": PIXELS.reshape(-1, *example.shape)}
    return float(train_epoch(step, state, data, batch_size=B)[1]["loss"][0])


def test_the_loss_of_the_flax_example(case):
    key, net = jax.random.key(0), Both(case)
    with jax.numpy_rank_promotion("allow"):  # in code that is not ours
        loss = net.apply(weighted(net.init(key, PIXELS, key)), PIXELS, key)
    assert ours(case) == pytest.approx(float(loss), rel=1e-5)


@pytest.mark.skipif(not PEERS.exists(), reason="no PyTorch and Pythae here: make peers")
def test_the_loss_of_pytorch(case):
    command = [PEERS, "-c", TORCH, case.name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert ours(case) == pytest.approx(float(done.stdout), rel=1e-5)
