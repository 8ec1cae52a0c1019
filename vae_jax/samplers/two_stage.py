"""A second VAE, of the latents of the first."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from vae_jax.checks import check_count
from vae_jax.distributions import Distribution, Layered, standard_gaussian
from vae_jax.models import VAE, vae
from vae_jax.models.modules import without_module
from vae_jax.models.state import parted
from vae_jax.networks import MLP, GaussianHead, LearnedScale, Network
from vae_jax.objectives import weighted_sum
from vae_jax.samplers.fitted import vectors
from vae_jax.train import descend, fit
from vae_jax.types import Event, Key, Params


def two_stage(model: VAE, second: VAE) -> VAE:
    """A model whose prior is a second VAE of its z: two latents, "z", and "u" behind it.

        p(u) p2(z|u) p(x|z),   q(z|x) q2(u|z)

    log p(z) is known by its bound alone, log p(z) >= ELBO_2(z), so the ELBO is that of both stages,

        E log p(x|z) - log q(z|x) + E[ log p2(z|u) + log p(u) - log q2(u|z) ] <= log p(x),

    and log p(x) is estimated by draws of both latents. The rate is `sampled_rate`.

    In the paper both decoders are Gaussian, and both of their deviations (gamma) are learned: that
    of the second is `second_stage`'s, that of the first the choice of its likelihood
    (`LearnedScale`).

    It is a model to evaluate and to draw from. In a descent, what the first carries in
    params["state"] would be read and stay as it is: a running average would not move.

    Args:
      model: the first VAE.
      second: over events z, as trained on *draws* of q(z|x); its parameters are the group "prior".

    Reference: Dai, Wipf 2019, arXiv 1903.05789, section 4.
    """

    def upward(given: Any, draw: Any) -> None:
        z = draw("z", given["q"])
        draw("u", second.encode(given["second"], z))

    def downward(given: Any, draw: Any) -> None:
        u = draw("u", second.prior(given["second"]))
        draw("z", second.decode(given["second"], u))

    def init(key: Key, x: Event, c: Event = None) -> Params:
        first_key, draw_key, second_key = jax.random.split(key, 3)
        params = without_module(model.init(first_key, x, c), "prior")
        z = parted(model.encode(params, x, c)).made.sample(draw_key)
        return {**params, "prior": second.init(second_key, z)}

    def encode(params: Params, x: Event, c: Event = None, key: Key | None = None) -> Distribution:
        q = parted(model.encode(params, x, c, key)).made
        return Layered({"q": q, "second": params["prior"]}, upward)

    def prior(params: Params, c: Event = None, key: Key | None = None) -> Distribution:
        del c, key
        return Layered({"second": params["prior"]}, downward)

    def decode(params: Params, z: Event, c: Event = None, key: Key | None = None) -> Any:
        return model.decode(params, z["z"], c, key)

    return VAE(init, encode, decode, prior)


def second_stage(size: int, widths: tuple[int, ...] = (256, 256)) -> VAE:
    """The second VAE: as many latents u as z has dimensions, and a deviation that is learned."""
    encoder = Network(MLP(widths), GaussianHead((size,)))
    decoder = Network(MLP(widths), GaussianHead((size,), LearnedScale()))
    return vae(encoder, decoder, standard_gaussian(size))


def fit_second_stage(
    key: Key,
    z: Any,
    second: VAE,
    *,
    epochs: int = 100,
    batch_size: int = 100,
    learning_rate: float = 1e-3,
) -> Params:
    """The parameters of the second VAE, by its ELBO on draws of the aggregate posterior.

    Args:
      key: of the training.
      z: draws, not means, of the aggregate posterior, [N, D].
      second: a VAE over [D], such as `second_stage(D)`.
      epochs, batch_size, learning_rate: of Adam; the last falls to zero along half a cosine.

    Raises:
      ValueError: no such draws.
    """
    check_count("epochs", epochs)
    draws = jnp.asarray(vectors(z), float)
    size = min(batch_size, len(draws))
    schedule = optax.cosine_decay_schedule(learning_rate, epochs * (len(draws) // size))
    step = descend(weighted_sum(second), optax.adam(schedule))
    return fit(second, step, {"x": draws}, key=key, epochs=epochs, batch_size=size).params
