"""Other priors for a model: record to record, seen by every bound and every sampler."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from vae_jax.calls import check_takes
from vae_jax.distributions import Distribution, Exemplars, MixtureOver
from vae_jax.models.modules import prior_function, with_module, without_module
from vae_jax.models.record import VAE
from vae_jax.models.state import parted
from vae_jax.models.trace import trace
from vae_jax.types import Event, Key, Params


def with_prior(model: VAE, prior: Distribution | nn.Module) -> VAE:
    """The same model with another prior.

        with_prior(model, Mixture(...))
        with_prior(model, nn.Sequential([one_hot(10), GaussianHead((8,))]))  # p(z|c), learned

    Args:
      model: the VAE.
      prior: p(z), fixed; or a Linen module (c) -> p(z|c), with the parameter group "prior", and
        with a share of the state if it carries any.

    Returns:
      VAE. The group "prior" of the prior that was replaced is dropped, and what it carried; what a
      hierarchy's own prior has in the group "decoder" stays there, unused.

    Raises:
      TypeError: a prior that is neither.
      TypeError, ValueError: in `init`, if posterior and prior are not over the same events.
    """
    prior_of = prior_function(prior)
    if isinstance(prior, Distribution):
        return _with_fixed(model, prior_of)

    def add_group(params: Params, key: Key, x: Event, c: Event) -> Params:
        del x
        return with_module(params, "prior", prior, key, c)

    return _with_group(model, add_group, prior_of)


def with_vamp_prior(
    model: VAE,
    inputs: Callable[[Key, Event], Event],
    *,
    encode: Callable[..., Distribution] | None = None,
) -> VAE:
    """The same model with the mixture of its own posteriors at learned pseudo-inputs as its prior.

        p(z|c) = 1/C sum_k q(z|u_k,c)

    For any posterior with a density at every z, a flow or several latents too. The rate has no
    closed form: `sampled_rate`.

    Args:
      model: the VAE.
      inputs: (key, x) -> the first pseudo-inputs u [C, ...], `of_examples(C, x_train)`, say, or
        `of_noise(C)`; they are the parameter group "prior". Encoded once for a batch, whose
        examples share them, but where the encoder is told a condition.
      encode: (params, u, c) -> q, where the pseudo-inputs are not of the kind of x (where x is an
        integer, say); by default the model's.

    Raises:
      TypeError, ValueError: in `init`, if the encoder does not take the pseudo-inputs.

    Reference: Tomczak, Welling 2018, arXiv 1705.07120, eq. 9.
    """
    check_takes("inputs", inputs, "key", "x")
    posterior = model.encode if encode is None else encode

    def component(given: Params, u: Event) -> Distribution:
        return posterior(given["params"], u, given["c"])

    def add_group(params: Params, key: Key, x: Event, c: Event) -> Params:
        del c
        return {**params, "prior": {"inputs": inputs(key, x)}}

    def prior_of(params: Params, c: Event = None, key: Key | None = None) -> Distribution:
        del key  # evaluated, without dropout
        u = params["prior"]["inputs"]
        logits = jnp.zeros(jax.tree.leaves(u)[0].shape[0])
        own = {name: group for name, group in params.items() if name != "prior"}
        return MixtureOver(logits, u, {"params": own, "c": c}, component)

    return _with_group(model, add_group, prior_of)


def with_exemplar_prior(
    model: VAE,
    inputs: Callable[[Key, Event], Event],
    *,
    nearest: int | None = None,
    encode: Callable[..., Distribution] | None = None,
) -> VAE:
    """The same model with Gaussians around what it makes of examples as its prior: an Exemplar VAE.

        p(z|c) = 1/C sum_k N(z; E[q(z|u_k,c)], sigma^2 I)

    The examples u are kept and not learned, sigma is. Of all the training data the paper's mixture
    leaves out x itself; here u are C examples, few against the data, or others than these.

    Args:
      model: the VAE, of one latent that is an array, whose posterior has a mean.
      inputs: (key, x) -> the examples u [C, ...], `of_examples(C, x_train)`, say. Encoded once for
        a batch, whose examples share them, but where the encoder is told a condition.
      nearest: so many terms of the sum alone, those nearest to z: a lower bound of log p(z), and
        so of log p(x); see `Exemplars`.
      encode: as in `with_vamp_prior`.

    Returns:
      VAE, with the parameter group "prior", {"log_scale": []}, and the state's entry "exemplars".

    Raises:
      TypeError, ValueError: in `init`, if the encoder does not take the examples, or its posteriors
        have no mean; nearest not in 1 .. C.

    Reference: Norouzi, Fleet, Norouzi 2020, arXiv 2004.04795.
    """
    check_takes("inputs", inputs, "key", "x")
    posterior = model.encode if encode is None else encode

    def add_group(params: Params, key: Key, x: Event, c: Event) -> Params:
        del c
        state = {**params.get("state", {}), "exemplars": {"prior": inputs(key, x)}}
        return {**params, "prior": {"log_scale": jnp.zeros(())}, "state": state}

    def prior_of(params: Params, c: Event = None, key: Key | None = None) -> Distribution:
        del key  # evaluated, without dropout
        u = params["state"]["exemplars"]["prior"]
        means = jax.vmap(lambda u: parted(posterior(params, u, c)).made.mean())(u)
        return Exemplars(means, params["prior"]["log_scale"], nearest)

    return _with_group(model, add_group, prior_of)


def _with_fixed(model: VAE, prior: Callable[..., Any]) -> VAE:
    """The model with a prior that has no parameters."""

    def init(key: Key, x: Event, c: Event = None) -> Params:
        params = without_module(model.init(key, x, c), "prior")
        jax.eval_shape(lambda: trace(changed, params, key, x, c).z)  # checks the events
        return params

    changed = model._replace(init=init, prior=prior)
    return changed


def _with_group(model: VAE, add_group: Callable[..., Params], prior: Callable[..., Any]) -> VAE:
    """The model with this prior, whose parameters add_group(params, key, x, c) makes."""

    def init(key: Key, x: Event, c: Event = None) -> Params:
        model_key, prior_key = jax.random.split(key)
        params = without_module(model.init(model_key, x, c), "prior")
        params = add_group(params, prior_key, x, c)
        jax.eval_shape(lambda: trace(changed, params, key, x, c).z)  # checks the events
        return params

    changed = model._replace(init=init, prior=prior)
    return changed
