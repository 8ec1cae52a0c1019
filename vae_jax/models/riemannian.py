"""Posteriors that are moved by leapfrog steps in a metric that is learned."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from vae_jax import triangular
from vae_jax.calls import check_takes
from vae_jax.checks import check_count, check_within
from vae_jax.distributions import (
    Distribution,
    Layered,
    PrecisionGaussian,
    RiemannianHamiltonian,
)
from vae_jax.models.hamiltonian import event_of, first_values, log_joint_of
from vae_jax.models.modules import apply_module, check_module, init_stateless
from vae_jax.models.record import VAE
from vae_jax.models.state import WithState, parted
from vae_jax.models.trace import trace
from vae_jax.types import Array, Event, Key, Params

LARGEST = 0.1  # of a step: beyond, the iterations of its equations do not come to their ends


def with_riemannian_hamiltonian(
    model: VAE,
    num_steps: int,
    metric: nn.Module,
    inputs: Callable[[Key, Event], Event],
    *,
    width: float = 1.5,
    least: float = 0.01,
    first_step: float = 0.01,
    iterations: int = 3,
    encode: Callable[..., Distribution] | None = None,
) -> VAE:
    """The same model, with a posterior moved by K leapfrog steps in a learned metric: an RHVAE.

        G(z)^-1 = sum_k L_k L_k' exp(-|z - c_k|^2 / width^2) + least I
        c_k = the mean of q(z|u_k),   L_k = metric(u_k),   u_k examples that are kept

        metric = Network(MLP((64,)), MetricHead(8))
        with_riemannian_hamiltonian(model, 3, metric, lambda key, x: train.x[:200])

    As `with_hamiltonian`, but that the prior of the momentum is N(0, G(z)). The examples are kept
    with the parameters, in the state, so that a model can be loaded where its data are not (in the
    paper they are all of the training data). `generate.sample_by_metric` draws where the metric's
    volume is.

    Args:
      model: a VAE with one latent [D], whose posterior has a mean; without a condition.
      num_steps: K.
      metric: x -> L, [D, D] lower triangular, such as a `Network` of a `MetricHead`.
      inputs: (key, x) -> the examples u [C, ...], as in `with_vamp_prior`.
      width: of an example's share.
      least: of the inverse metric, far from all.
      first_step: of each dimension at first, in (0, 0.1); they are learned, below 0.1.
      iterations: of each equation of a step.
      encode: (params, u) -> q, where the examples are not of the kind of x, as in
        `with_vamp_prior`; by default the model's.

    Returns:
      VAE, with the groups "hamiltonian" and "metric", and the state's entry "metric".

    Raises:
      ValueError: as `with_hamiltonian`; width or least not positive.
      TypeError: a metric that is no Linen module.

    Reference: Chadebec, Mantoux, Allassonniere 2020, arXiv 2010.11518, section 3.
    """
    check_count("num_steps", num_steps)
    check_count("iterations", iterations)
    check_within("first_step", first_step, 1e-6, 0.999 * LARGEST)
    check_within("width", width, 1e-6, 1e6)
    check_within("least", least, 1e-6, 1e6)
    check_module("metric", metric)
    check_takes("inputs", inputs, "key", "x")
    forces, places = log_joint_of(model), _places_of(encode or model.encode, metric)
    factor = partial(_factor, width, least)

    def init(key: Key, x: Event, c: Event = None) -> Params:
        model_key, metric_key, inputs_key = jax.random.split(key, 3)
        params = model.init(model_key, x, c)
        shape = event_of("with_riemannian_hamiltonian", model, params, c, key)
        own = first_values(shape, first_step, True, LARGEST)
        u = inputs(inputs_key, x)
        state = {**params.get("state", {}), "metric": {"inputs": u}}
        network = init_stateless(metric, metric_key, jax.tree.map(lambda leaf: leaf[0], u))
        params = {**params, "hamiltonian": own, "metric": network, "state": state}
        jax.eval_shape(lambda: trace(changed, params, key, x, c).z)  # checks the events
        return params

    def encode_and_move(params: Params, x: Event, c: Event = None, key: Key | None = None) -> Any:
        base, entries = parted(model.encode(params, x, c, key))
        own = params["hamiltonian"]
        log_step = math.log(LARGEST) + jax.nn.log_sigmoid(own["step"])
        given = {"params": params, "x": x, "c": c, "key": key, **places(params)}
        log_start, how = jax.nn.log_sigmoid(own["start"]), (num_steps, iterations)
        q = RiemannianHamiltonian(base, given, log_step, log_start, forces, factor, *how)
        return WithState(q, entries) if entries else q

    def decode(params: Params, z: Event, c: Event = None, key: Key | None = None) -> Any:
        return model.decode(params, z["latent"], c, key)

    prior = _prior_of(model, factor, places)
    changed = model._replace(init=init, encode=encode_and_move, decode=decode, prior=prior)
    return changed


def _prior_of(
    model: VAE, factor: Callable[[Params, Array], Array], places: Callable[[Params], Params]
) -> Callable[..., Any]:
    """p(z), and then N(r; 0, G(z))."""

    def program(given: Params, draw: Callable[[str, Distribution], Array]) -> None:
        z = draw("latent", given["prior"])
        draw("momentum", PrecisionGaussian(factor(given, z)))

    def prior(params: Params, c: Event = None, key: Key | None = None) -> Any:
        made, entries = parted(model.prior(params, c, key))
        p = Layered({"prior": made, **places(params)}, program)
        return WithState(p, entries) if entries else p

    return prior


def _places_of(encode: Callable[..., Any], metric: nn.Module) -> Callable[[Params], Params]:
    """params -> the centres [C, D], and the factors [C, D, D]."""

    def places(params: Params) -> Params:
        u = params["state"]["metric"]["inputs"]
        centres = jax.vmap(lambda u: parted(encode(params, u)).made.mean())(u)
        factors = jax.vmap(lambda u: apply_module(metric, params, "metric", u))(u)
        return {"centres": centres, "factors": factors}

    return places


def _factor(width: float, least: float, given: Params, z: Array) -> Array:
    """The lower triangular factor of G(z)^-1, [D, D]."""
    centres, L = given["centres"], given["factors"]
    near = jnp.exp(-jnp.sum((centres - z[None]) ** 2, axis=1) / width**2)
    shares = jnp.einsum("k,kij,klj->il", near, L, L, precision="highest")
    return triangular.cholesky(shares + least * jnp.eye(len(z)))
