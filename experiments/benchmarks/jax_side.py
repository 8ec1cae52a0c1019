"""The contestants of the training benchmark that are written in JAX: this library, and others."""

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from experiments.benchmarks.cases import CASES, PIXELS, SIDE, UP, Case, images
from experiments.benchmarks.contest import Turn, Work, serve
from experiments.benchmarks.flax_example import flax_example
from experiments.benchmarks.machine import matrix_products
from vae_jax import (
    VAE,
    descend,
    importance_weighted,
    networks,
    standard_gaussian,
    train_epoch,
    vae,
    weighted_sum,
)
from vae_jax.bounds import iwae_bound
from vae_jax.networks import (
    MLP,
    BernoulliHead,
    ConvDecoder,
    ConvEncoder,
    GaussianHead,
    Network,
    PredictedScale,
)


def library(case: Case, steps: int) -> Turn:
    """Turns of `train_epoch`."""
    model = make_model(case)
    objective = (
        importance_weighted(model, iwae_bound(), num_draws=case.draws)
        if case.draws
        else weighted_sum(model)
    )
    step = descend(objective, optax.adam(case.learning_rate, eps=case.epsilon))
    data = {"x": jnp.asarray(_events(case, steps))}
    state = step.init(jax.random.key(1), model.init(jax.random.key(0), data["x"][0]))

    def turn() -> float:
        nonlocal state
        state, metrics = train_epoch(
            step, state, data, batch_size=case.batch, scan=not case.convolutional
        )
        jax.block_until_ready(state)
        return float(jnp.mean(metrics["loss"]))

    return turn


CONTESTANTS = {
    "vae_jax": library,
    "flax example": flax_example,
    "matrix products": matrix_products,
}


def prepare(work: Work) -> Turn:
    """The turns of a contestant in a case."""
    return CONTESTANTS[work["contestant"]](CASES[work["case"]], work["steps"])


def make_model(case: Case) -> VAE:
    """The networks of a case."""
    activation = getattr(nn, case.activation)
    posterior = GaussianHead((case.latent,), PredictedScale(floor=None))
    if case.convolutional:
        body = ConvDecoder((SIDE, SIDE), case.decoder, getattr(networks, UP), activation=activation)
        encoder = Network(ConvEncoder(case.encoder, activation=activation), posterior)
        decoder = Network(body, BernoulliHead((SIDE, SIDE, 1)))
    else:
        encoder = Network(MLP(case.encoder, activation), posterior)
        decoder = Network(MLP(case.decoder, activation), BernoulliHead((PIXELS,)))
    return vae(encoder, decoder, standard_gaussian(case.latent))


def _events(case: Case, steps: int) -> jax.Array:
    x = jnp.asarray(images(steps * case.batch))
    return x.reshape(-1, SIDE, SIDE, 1) if case.convolutional else x


if __name__ == "__main__":
    serve(prepare)
