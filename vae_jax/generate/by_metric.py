"""Samples from where a learned metric says that the data are."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp

from vae_jax import devices
from vae_jax.batches import in_batches
from vae_jax.bounds.draws import by_itself
from vae_jax.checks import check_count, check_within
from vae_jax.distributions import Layered, PrecisionGaussian
from vae_jax.distributions.means import mean_or_draw
from vae_jax.models import VAE
from vae_jax.types import Array, Event, Key, Params, Progress


def sample_by_metric(
    model: VAE,
    params: Params,
    key: Key,
    num: int,
    *,
    chain: int = 100,
    leapfrog: int = 10,
    step: float = 0.05,
    batch_size: int = 500,
    progress: Progress = iter,
) -> Event:
    """`num` new examples: z ~ sqrt(det G(z)^-1), then the mean of p(x|z).

    By Hamiltonian Monte Carlo, a chain for each sample, from one of the metric's examples. The
    density is known up to a constant, and not at all far from the examples, where it does not
    fall: these are samples of no model with a bound. Compare them by looking.

    Args:
      model, params: of `with_riemannian_hamiltonian`.
      chain: moves of each chain.
      leapfrog, step: steps of a move, and their size.
      batch_size, progress: as of `sample`.

    Returns:
      [num, ...], on the host.

    Raises:
      TypeError: a model without a metric.

    Reference: Chadebec, Thibeau-Sutre, Burgos, Allassonniere 2021, arXiv 2105.00026.
    """
    for name, count in (("num", num), ("chain", chain), ("leapfrog", leapfrog)):
        check_count(name, count)
    check_within("step", step, 1e-9, 1e9)
    params = devices.everywhere(params, devices.of_all())

    def given(keys: Key, draws: int) -> tuple[Any, ...]:
        del draws  # one of each
        return model, params, keys, chain, leapfrog, step

    keys = jax.random.split(by_itself(key), num)
    return in_batches(_sample, given, keys, batch_size, progress=progress)


@partial(jax.jit, static_argnames=("model", "chain", "leapfrog"))
def _sample(model: VAE, params: Params, keys: Key, chain: int, leapfrog: int, step: float) -> Event:
    prior = model.prior(params)
    if not (isinstance(prior, Layered) and "centres" in prior.given):
        raise TypeError(
            "sample_by_metric takes a model with a metric, with_riemannian_hamiltonian(...); got a"
            f" prior {type(prior).__name__}. Draw from its prior: generate.sample."
        )
    centres = prior.given["centres"]

    def log_density(z: Array) -> Array:
        momentum = prior.layers({"latent": z, "momentum": jnp.zeros_like(z)})["momentum"]
        return cast(PrecisionGaussian, momentum).log_volume()

    def one(key: Key) -> Event:
        start_key, chain_key, x_key = jax.random.split(key, 3)
        start = centres[jax.random.randint(start_key, (), 0, len(centres))]
        keys = jax.random.split(chain_key, chain)
        move = partial(_moved, log_density, leapfrog, step)
        z, _ = jax.lax.scan(lambda z, k: (move(z, k), None), start, keys)
        rest = {"latent": z, "momentum": jnp.zeros_like(z)}
        return mean_or_draw(model.decode(params, rest), x_key)

    return jax.vmap(one)(keys)


def _moved(
    log_density: Callable[[Array], Array], leapfrog: int, step: float, z: Array, key: Key
) -> Array:
    """One move of Hamiltonian Monte Carlo, taken or not."""
    momentum_key, accept_key = jax.random.split(key)
    r = jax.random.normal(momentum_key, z.shape)
    force = jax.grad(log_density)

    def leap(at: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], None]:
        place, r = at
        r = r + 0.5 * step * force(place)
        place = place + step * r
        return (place, r + 0.5 * step * force(place)), None

    (new, end), _ = jax.lax.scan(leap, (z, r), None, length=leapfrog)
    gain = log_density(new) - log_density(z) + 0.5 * (jnp.sum(r**2) - jnp.sum(end**2))
    return jnp.where(jnp.log(jax.random.uniform(accept_key)) < gain, new, z)
