"""A VAE written by hand, after the example that comes with flax.

Modules of whole batches, noise drawn for a whole batch, one compiled step, and a Python loop that
feeds it with numpy arrays.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from flax.training.train_state import TrainState

from experiments.benchmarks.cases import PIXELS, SIDE, UP, Case, images
from experiments.benchmarks.contest import Turn
from vae_jax.types import Array, Key


class Encoder(nn.Module):
    """[B, 784] -> mean and log scale, [B, D] each."""

    case: Case

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        """The posterior's parameters."""
        activation = getattr(nn, self.case.activation)
        if self.case.convolutional:
            x = x.reshape(-1, SIDE, SIDE, 1)
        for size in self.case.encoder:
            layer = nn.Conv(size, (4, 4), (2, 2)) if self.case.convolutional else nn.Dense(size)
            x = activation(layer(x))
        x = x.reshape(x.shape[0], -1)
        return nn.Dense(self.case.latent)(x), nn.Dense(self.case.latent)(x)


class Decoder(nn.Module):
    """[..., D] -> logits [..., 784]."""

    case: Case

    @nn.compact
    def __call__(self, z: Array) -> Array:
        """The likelihood's parameters."""
        activation = getattr(nn, self.case.activation)
        if self.case.convolutional:
            return self._convolutional(z, activation)
        for width in self.case.decoder:
            z = activation(nn.Dense(width)(z))
        return nn.Dense(PIXELS)(z)

    def _convolutional(self, z: Array, activation: Any) -> Array:
        side, channels = SIDE // 2 ** len(self.case.decoder), self.case.decoder
        x = activation(nn.Dense(side * side * channels[0])(z)).reshape(-1, side, side, channels[0])
        for size in channels:
            if UP == "resized":
                x = nn.Conv(size, (4, 4))(x.repeat(2, axis=1).repeat(2, axis=2))
            else:
                x = nn.ConvTranspose(size, (4, 4), (2, 2))(x)
            x = activation(x)
        return nn.Dense(1)(x).reshape(z.shape[0], PIXELS)


class Both(nn.Module):
    """The loss of a batch, [] nats."""

    case: Case

    @nn.compact
    def __call__(self, x: Array, key: Key) -> Array:
        """The negative ELBO, or the negative importance-weighted bound."""
        mean, log_scale = Encoder(self.case)(x)
        draws = self.case.draws
        noise = jax.random.normal(key, ((draws, *mean.shape) if draws else mean.shape))
        z = mean + jnp.exp(log_scale) * noise
        distortion = _cross_entropy(Decoder(self.case)(z), x)
        if not draws:
            moments = jnp.square(mean) + jnp.exp(2 * log_scale)
            return jnp.mean(distortion + 0.5 * jnp.sum(moments - 1 - 2 * log_scale, axis=-1))
        rate = jnp.sum(0.5 * jnp.square(z) - 0.5 * jnp.square(noise) - log_scale, axis=-1)
        return -jnp.mean(jax.nn.logsumexp(-distortion - rate, axis=0) - jnp.log(draws))


def flax_example(case: Case, steps: int) -> Turn:
    """Turns of the example's training loop."""
    x, model = images(steps * case.batch), Both(case)
    keys = iter(jax.random.split(jax.random.key(0), 3))
    params = model.init(next(keys), x[: case.batch], next(keys))
    optimizer = optax.adam(case.learning_rate, eps=case.epsilon)
    state = TrainState.create(apply_fn=model.apply, params=params, tx=optimizer)
    key, rng = next(keys), np.random.default_rng(0)

    def turn() -> float:
        nonlocal state, key
        losses = []
        for index in rng.permutation(len(x)).reshape(steps, case.batch):
            key, noise = jax.random.split(key)
            state, loss = _step(state, x[index], noise)
            losses.append(loss)
        jax.block_until_ready(state.params)
        return float(np.mean(losses))

    return turn


@jax.jit
def _step(state: TrainState, x: Array, key: Key) -> tuple[TrainState, Array]:
    loss, gradient = jax.value_and_grad(lambda params: state.apply_fn(params, x, key))(state.params)
    return state.apply_gradients(grads=gradient), loss


def _cross_entropy(logits: Array, x: Array) -> Array:
    log_p = nn.log_sigmoid(logits)  # as in the example; not finite at large logits
    return -jnp.sum(x * log_p + (1 - x) * jnp.log(-jnp.expm1(log_p)), axis=-1)
