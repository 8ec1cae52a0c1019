"""Configs of a script: what no config of the package is, tiny."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from bodies import Normalised, Up
from factor_vae import factor_step, first_critic
from flax import linen as nn

from vae_jax import (
    Player,
    Term,
    alternate,
    chain,
    descend,
    distortion,
    sampled_rate,
    show,
    standard_gaussian,
    vae,
    weighted_sum,
)
from vae_jax.configs import Data, Examples, Experiment, Trained, Views
from vae_jax.configs.experiment import fixed
from vae_jax.models import Rung, ladder, with_codebook
from vae_jax.networks import (
    MLP,
    BernoulliHead,
    CategoricalHead,
    DeltaHead,
    FlowHead,
    GaussianHead,
    JointHead,
    LearnedScale,
    Network,
    PoissonHead,
    centred,
    log1p,
)
from vae_jax.networks import planar as planar_flows
from vae_jax.objectives import NEGATIVE_ELBO, commitment

N, LATENTS = 24, 2
TO_Z = GaussianHead((LATENTS,))


def rng():
    """The data are the same whenever they are read."""
    return np.random.default_rng(0)


def experiment(model, x, *, terms=NEGATIVE_ELBO, step=None, prepare=None, epochs=1, **views):
    """What is the same in most: one player, who descends the terms."""

    def load():
        batch = {"x": jax.tree.map(np.asarray, x)}
        train, test = (jax.tree.map(lambda leaf, s=s: leaf[s], batch) for s in SPLIT)
        return Data(train, fixed(prepare, test), None)

    make = step or (lambda optimize: descend(weighted_sum(model, terms), optimize(optax.adam)))
    return Experiment(
        Trained(model, make, 1e-3, batch_size=8, epochs=epochs, seed=0),
        Examples(load, prepare),
        Views(**{"importance_samples": 10, **views}),
    )


TERMS = [Term("distortion", distortion), Term("rate", sampled_rate)]
SAMPLED = {"terms": TERMS, "rate": sampled_rate}  # where the rate has no closed form
SPLIT = (slice(0, N - 8), slice(N - 8, None))


def pixels():
    return rng().integers(0, 2, (N, 4, 4, 1)).astype(np.float32)


def of_pixels(encoder, prior=None, **options):
    """A model of 4 x 4 binary pixels."""
    decoder = Network(MLP((4,)), BernoulliHead((4, 4, 1)))
    return vae(encoder, decoder, prior or standard_gaussian(LATENTS), **options)


def classes(*, epochs: int = 1) -> Experiment:
    """An image of 256 classes a pixel, shown as grey levels."""
    x = rng().integers(0, 256, (N, 3, 3, 1)).astype(np.uint8)
    encoder = Network(MLP((4,)), TO_Z, preprocess=centred(127.5, 127.5))
    model = vae(encoder, Network(MLP((4,)), CategoricalHead((3, 3, 1), 256)), standard_gaussian(2))
    return experiment(model, x, epochs=epochs, show=show.images(255))


def vector(*, epochs: int = 1) -> Experiment:
    """Three numbers."""
    x = rng().normal(size=(N, 3)).astype(np.float32)
    decoder = Network(MLP((4,)), GaussianHead((3,), LearnedScale()))
    return experiment(
        vae(Network(MLP((4,)), TO_Z), decoder, standard_gaussian(2)), x, epochs=epochs
    )


class Flat(nn.Module):
    """The arrays of an event, side by side."""

    @nn.compact
    def __call__(self, x):
        return nn.Dense(4)(jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(x)]))


def table(*, epochs: int = 1) -> Experiment:
    """Columns of three kinds: numbers, a class, counts."""
    x = {
        "numbers": rng().normal(size=(N, 2)).astype(np.float32),
        "class": rng().integers(0, 4, N).astype(np.int32),
        "counts": rng().poisson(5.0, (N, 3)).astype(np.int32),
    }
    heads = {
        "numbers": GaussianHead((2,), LearnedScale()),
        "class": CategoricalHead((), 4),
        "counts": PoissonHead((3,)),
    }
    encoder = Network(Flat(), TO_Z, preprocess=lambda x: {**x, "counts": log1p(x["counts"])})
    model = vae(encoder, Network(MLP((4,)), JointHead(heads)), standard_gaussian(2))
    return experiment(model, x, epochs=epochs)


def draw_mask(key, example):
    """Which pixels are seen: anew at every step."""
    return {**example, "c": jax.random.bernoulli(key, 0.5, (4, 4, 1)).astype(jnp.float32)}


def masked(*, epochs: int = 1) -> Experiment:
    """A mask as the condition."""
    encoder = Network(MLP((4,)), TO_Z, embed=jnp.ravel)
    decoder = Network(MLP((4,)), BernoulliHead((4, 4, 1)), embed=jnp.ravel)
    model = vae(encoder, decoder, standard_gaussian(2))
    return experiment(model, pixels(), prepare=draw_mask, epochs=epochs)


def layers(*, epochs: int = 1) -> Experiment:
    """A chain: its rate is sampled."""
    up, down = Network(MLP((4,)), TO_Z), Network(MLP((4,)), BernoulliHead((4, 4, 1)))
    above = Network(MLP((4,)), GaussianHead((2,), LearnedScale()))
    model = chain([up, up], [down, above], standard_gaussian(2))
    return experiment(model, pixels(), epochs=epochs, **SAMPLED)


def point(*, epochs: int = 1, rate_is_none: bool = True) -> Experiment:
    """A Delta for a posterior: there is no bound."""
    return experiment(
        of_pixels(Network(MLP((4,)), DeltaHead((LATENTS,)))),
        pixels(),
        terms=TERMS[:1],
        epochs=epochs,
        rate=None if rate_is_none else sampled_rate,
        score=lambda model, params, key, test: {"own": 42.0},
    )


def players(*, epochs: int = 2) -> Experiment:
    """Encoder and decoder in turn, at rates of their own."""
    made = vector(epochs=epochs)
    objective = weighted_sum(made.trained.model)
    step = lambda optimize: alternate(  # noqa: E731
        Player("encoder", objective, ("encoder",), optimize(optax.adam, updates=2), updates=2),
        Player("decoder", objective, ("decoder",), optimize(optax.sgd, scale=0.1)),
    )
    return made._replace(trained=made.trained._replace(step=step))


def factor(*, epochs: int = 1) -> Experiment:
    """FactorVAE: two players, one of them a critic of z."""
    model = of_pixels(Network(MLP((4,)), TO_Z), groups={"critic": first_critic})
    step = lambda optimize: factor_step(model, optimize(optax.adam))  # noqa: E731
    return experiment(model, pixels(), step=step, epochs=epochs)


def rungs(*, epochs: int = 1) -> Experiment:
    """A ladder: its rate has a closed form."""
    layer = Network(MLP((4,)), TO_Z)
    decoder = Network(MLP((4,)), BernoulliHead((4, 4, 1)))
    model = ladder(Up(), 2 * [Rung(layer, layer, MLP((4,)))], decoder, width=4)
    return experiment(model, pixels(), epochs=epochs)


def planar(*, epochs: int = 1) -> Experiment:
    """A posterior that knows log q of its draws alone, and has no mean."""
    model = of_pixels(Network(MLP((4,)), FlowHead(TO_Z, planar_flows(LATENTS, 1))))
    return experiment(model, pixels(), epochs=epochs, **SAMPLED)


def codes(*, epochs: int = 1) -> Experiment:
    """A codebook, and BatchNorm in the encoder: two states that move."""
    plain = of_pixels(
        Network(Normalised(4), DeltaHead((3, LATENTS))), standard_gaussian(3, LATENTS)
    )
    model = with_codebook(plain, 4)
    terms = [Term("distortion", distortion), Term("commitment", commitment, 0.25)]
    return experiment(model, pixels(), terms=terms, epochs=epochs)


OWN = {
    config.__name__: config
    for config in (
        *(classes, vector, table, masked, layers, point, players),
        *(factor, rungs, planar, codes),
    )
}
