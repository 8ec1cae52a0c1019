"""Members of a sweep on the digits: trained at once, and scored one by one."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from vae_jax import Step, data, evaluate, standard_gaussian, train_epoch, vae
from vae_jax.checks import seeded
from vae_jax.models import VAE
from vae_jax.networks import MLP, BernoulliHead, GaussianHead, Network
from vae_jax.train import Metrics, member, members
from vae_jax.types import Batch, Params


class How(NamedTuple):
    """How long, and how large.

    Fields:
      epochs, batch_size, learning_rate: of Adam; the rate falls to zero along a cosine.
      hidden: units of each layer of the encoder, which the decoder mirrors.
      seed: of everything that is drawn.
    """

    epochs: int = 200
    batch_size: int = 50
    learning_rate: float = 2e-3
    hidden: tuple[int, ...] = (128, 128)
    seed: int = 0


class Digits(NamedTuple):
    """Greys to train on, drawn anew as binary at each step; and test images, drawn once.

    Fields:
      train: {"x": [N, 8, 8, 1]} of 0 .. 16.
      test: {"x": [M, 8, 8, 1]} of 0 and 1.
      prepare: of the training images.
    """

    train: Batch
    test: Batch
    prepare: data.Prepare


class Point(NamedTuple):
    """A member's numbers on the test images, nats.

    Fields:
      value: of the hyperparameter.
      elbo, elbo_standard_error: the bound with the rate at weight 1, however it was trained.
      distortion, rate: its parts.
      information, information_standard_error: I(n; z) of which of the images z was encoded from.
      marginal_kl: KL(q(z) || p(z)), q(z) the mixture of their posteriors.
      active: units of which the posterior's mean varies by more than 0.01.
      examples: of how many images.
    """

    value: float
    elbo: float
    elbo_standard_error: float
    distortion: float
    rate: float
    information: float
    information_standard_error: float
    marginal_kl: float
    active: int
    examples: int


def digits(seed: int) -> Digits:
    """The digits that scikit-learn ships."""
    found = data.load("digits")
    prepare = data.binarise(found.max_value)
    key = jax.random.fold_in(seeded(seed), 1)
    test = data.prepare_fixed(prepare, key, {"x": found.test.x})
    return Digits({"x": found.train.x}, test, prepare)


def model_of(latents: int, hidden: tuple[int, ...]) -> VAE:
    """Dense layers, a diagonal Gaussian posterior, binary pixels."""
    return vae(
        Network(MLP(hidden), GaussianHead((latents,))),
        Network(MLP(hidden[::-1]), BernoulliHead((8, 8, 1))),
        standard_gaussian(latents),
    )


def trained(
    make: Callable[[Any, optax.GradientTransformation], Step],
    values: Sequence[Any],
    model: VAE,
    images: Digits,
    how: How,
    watch: Callable[[Metrics], None] = lambda metrics: None,
) -> list[Params]:
    """The parameters of each member, all from the same first ones and by the same draws.

    Args:
      make: (value, optimizer) -> what is descended by it.
      values: of the hyperparameter, one for each member: numbers, or arrays of one shape.
      model: whose first parameters they begin at.
      images: to train on.
      how: long.
      watch: is shown the metrics of each epoch, [steps, M].
    """
    init_key, train_key = jax.random.split(seeded(how.seed))
    steps = how.epochs * (len(images.train["x"]) // how.batch_size)
    adam = optax.adam(optax.cosine_decay_schedule(how.learning_rate, steps))
    step = members(
        lambda value: make(value, adam), jnp.stack([jnp.asarray(value) for value in values])
    )
    state = step.init(train_key, model.init(init_key, images.test["x"][0]))
    options: Any = {"batch_size": how.batch_size, "prepare": images.prepare}
    for _ in range(how.epochs):
        state, metrics = train_epoch(step, state, images.train, **options)
        watch(metrics)
    return [member(state, index).params for index in range(len(values))]


def point(value: float, model: VAE, params: Params, images: Digits, seed: int) -> Point:
    """What a member is worth on the test images."""
    bound_key, information_key, units_key = jax.random.split(jax.random.fold_in(seeded(seed), 2), 3)
    given = (model, params)
    bound = evaluate.elbos(*given, bound_key, images.test, num_samples=10)
    elbo = evaluate.mean(bound.value)
    information = evaluate.mutual_information(*given, information_key, images.test, num_samples=10)
    units = evaluate.active_units(*given, units_key, images.test)
    return Point(
        value,
        *elbo,
        evaluate.mean(bound.distortion).value,
        evaluate.mean(bound.rate).value,
        information.value,
        information.standard_error,
        information.marginal_kl,
        units["z"].number,
        information.num_examples,
    )
