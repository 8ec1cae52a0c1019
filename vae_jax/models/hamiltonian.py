"""Posteriors that are moved towards the true one by leapfrog steps."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from vae_jax.checks import check_count, check_within, event_shape
from vae_jax.distributions import Distribution, Hamiltonian, Joint, standard_gaussian
from vae_jax.models.record import VAE
from vae_jax.models.state import WithState, merge_entries, parted
from vae_jax.models.trace import trace
from vae_jax.types import Array, Event, Key, Params

LARGEST = 0.5  # of a step, where z has a scale of about 1
BEGIN = 0.9  # b_0 at first


def with_hamiltonian(
    model: VAE, num_steps: int, *, first_step: float = 0.1, tempered: bool = True
) -> VAE:
    """The same model, with a posterior of which each draw is moved by K leapfrog steps: an HVAE.

        with_hamiltonian(vae(encoder, decoder, standard_gaussian(8)), 3)

    The forces are those of the model's own log p(x, z), so the posterior comes nearer to the true
    one with no network of its own. See `distributions.Hamiltonian`. The latents are {"latent": z,
    "momentum": r}, of the prior p(z) N(r; 0, I), and the decoder is given z: the bounds are on
    log p(x) of the same model. The rate has no closed form: `sampled_rate`.

    Args:
      model: a VAE with one latent, an array with a density of volume.
      num_steps: K. Each costs a gradient of the decoder, in every evaluation too.
      first_step: of each dimension at first, in (0, 0.5): they are learned, below 0.5.
      tempered: the momentum begins larger, by 1 / sqrt(b_0), and cools; b_0 is learned, 0.9 at
        first.

    Returns:
      VAE, with the parameter group "hamiltonian": {"step": [...], "start": []}, the logits of
      2 s and of b_0.

    Raises:
      ValueError: num_steps < 1; first_step not in its range; in `init`, a model of several latents,
        or of latents without a density of volume.

    Reference: Caterini, Doucet, Sejdinovic 2018, arXiv 1805.11328 (there the score of the momentum
    is replaced by its mean: E[w] is then not p(x)).
    """
    check_count("num_steps", num_steps)
    check_within("first_step", first_step, 1e-6, 0.999 * LARGEST)
    forces = log_joint_of(model)

    def init(key: Key, x: Event, c: Event = None) -> Params:
        params = model.init(key, x, c)
        shape = event_of("with_hamiltonian", model, params, c, key)
        params = {**params, "hamiltonian": first_values(shape, first_step, tempered, LARGEST)}
        jax.eval_shape(lambda: trace(changed, params, key, x, c).z)  # checks the events
        return params

    def encode(params: Params, x: Event, c: Event = None, key: Key | None = None) -> Any:
        base, entries = parted(model.encode(params, x, c, key))
        own = params["hamiltonian"]
        log_step = math.log(LARGEST) + jax.nn.log_sigmoid(own["step"])
        log_start = jax.nn.log_sigmoid(own["start"]) if tempered else jnp.zeros(())
        given = {"params": params, "x": x, "c": c, "key": key}
        q = Hamiltonian(base, given, log_step, log_start, forces, num_steps)
        return WithState(q, entries) if entries else q

    def decode(params: Params, z: Event, c: Event = None, key: Key | None = None) -> Any:
        return model.decode(params, z["latent"], c, key)

    def prior(params: Params, c: Event = None, key: Key | None = None) -> Any:
        made, entries = parted(model.prior(params, c, key))
        momentum = standard_gaussian(*event_shape(made, jax.random.key(0)))
        p = Joint({"latent": made, "momentum": momentum})
        return WithState(p, merge_entries(entries)) if entries else p

    changed = model._replace(init=init, encode=encode, decode=decode, prior=prior)
    return changed


def log_joint_of(model: VAE) -> Callable[[Params, Array], Array]:
    """({"params", "x", "c", "key"}, z) -> log p(x|z,c) + log p(z|c), [] nats."""

    def log_joint(given: Params, z: Array) -> Array:
        params, x, c, key = (given[name] for name in ("params", "x", "c", "key"))
        likelihood = parted(model.decode(params, z, c, key)).made
        return likelihood.log_prob(x) + parted(model.prior(params, c)).made.log_prob(z)

    return log_joint


def first_values(
    shape: tuple[int, ...], first_step: float, tempered: bool, largest: float
) -> Params:
    """The logits of the steps, as shares of the largest, and of the first temperature."""
    share = first_step / largest
    own = {"step": jnp.full(shape, math.log(share / (1 - share)), jnp.float32)}
    if tempered:
        own["start"] = jnp.asarray(math.log(BEGIN / (1 - BEGIN)), jnp.float32)
    return own


def event_of(name: str, model: VAE, params: Params, c: Event, key: Key) -> tuple[int, ...]:
    """The shape of z. ValueError where it is not one array with a density of volume."""
    prior: Distribution = model.prior(params, c)
    shape = event_shape(prior, key)
    one = isinstance(shape, tuple) and all(isinstance(n, int) for n in shape)
    if model.trace is not None or not one or prior.base_measure != "volume":
        raise ValueError(
            f"{name} takes a model of one latent, an array that forces can move, such as"
            f" with a GaussianHead; got events of shape {shape}, with a density of"
            f" {prior.base_measure!r}."
        )
    return shape
