"""A case of dense layers: its weights, kept in a file, and its products going forward."""

import itertools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from experiments.benchmarks.cases import PIXELS, Case, images
from experiments.benchmarks.machine import Product
from experiments.benchmarks.models import descent, model
from vae_jax import train_epoch
from vae_jax.types import Params


def calm(case: Case, steps: int = 5, times: float = 0.05) -> Params:
    """Parameters by which latents matter little: few draws then tell log p(x) to a few 0.01 nats.

    After some steps of training, what leads into the latents and out of them is shrunk.
    """
    params = _trained(case, steps)
    head = params["encoder"]["head"]
    for layer in (head["loc"], head["scale"]["log_scale"], params["decoder"]["body"]["Dense_0"]):
        layer["kernel"] = times * layer["kernel"]
    return params


def save_weights(path: Path, params: Params) -> None:
    """As .npz, each array under its path: "encoder/body/Dense_0/kernel"."""
    np.savez(path, **jax.tree.map(np.asarray, flatten_dict(params, sep="/")))


def load_weights(path: Path) -> Params:
    """What `save_weights` wrote."""
    with np.load(path) as saved:
        params: Params = unflatten_dict({name: jnp.asarray(saved[name]) for name in saved}, sep="/")
    return params


def encoding(case: Case, number: int) -> list[Product]:
    """The matrix products that encode so many images."""
    return _layers(number, (PIXELS, *case.encoder, 2 * case.latent))


def decoding(case: Case, draws: int) -> list[Product]:
    """The matrix products that decode so many draws."""
    return _layers(draws, (case.latent, *case.decoder, PIXELS))


def _layers(rows: int, widths: tuple[int, ...]) -> list[Product]:
    return [Product(rows, inner, columns) for inner, columns in itertools.pairwise(widths)]


def _trained(case: Case, steps: int) -> Params:
    net = model(case)
    step, data = descent(case, net), {"x": jnp.asarray(images(steps * case.batch))}
    state = step.init(jax.random.key(1), net.init(jax.random.key(0), data["x"][0]))
    return train_epoch(step, state, data, batch_size=case.batch)[0].params
