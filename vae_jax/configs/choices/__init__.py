"""What people choose of a config of data: a table a kind, a row a name with its own options.

A row is a function; its keyword options are those of its name alone, and fields of `Choices`, which
are the command line's. Another row is a function in a table, and a field for each new option.
"""

from collections.abc import Callable
from typing import NamedTuple

from flax import linen as nn

from vae_jax.configs.choices.choices import Choices
from vae_jax.configs.choices.codes import code_event, code_score
from vae_jax.configs.choices.decoders import DECODERS
from vae_jax.configs.choices.fit_together import (
    check_ahead,
    check_form,
    check_gradient,
    check_latents,
)
from vae_jax.configs.choices.form import PADDING, Form
from vae_jax.configs.choices.likelihoods import LIKELIHOODS, with_classes
from vae_jax.configs.choices.networks import NETWORKS
from vae_jax.configs.choices.objectives import OBJECTIVES
from vae_jax.configs.choices.optimizers import OPTIMIZERS
from vae_jax.configs.choices.posterior import Posterior
from vae_jax.configs.choices.posteriors import POSTERIORS
from vae_jax.configs.choices.priors import PRIORS, Prior
from vae_jax.configs.choices.pseudo_inputs import with_kept_examples, with_read_inputs
from vae_jax.configs.choices.steps import STEPS, Descended
from vae_jax.configs.choices.table import chosen
from vae_jax.configs.experiment import Optimize, no_more
from vae_jax.distributions import Distribution, standard_gaussian
from vae_jax.evaluate.scores import Rate
from vae_jax.models import VAE, vae, with_optimal_scale
from vae_jax.networks import Network, masked, one_hot
from vae_jax.train import Step
from vae_jax.types import Array, Event

__all__ = ["Choices", "Form", "Parts", "parts"]

_ALIKE = 2  # draws that are all one: of one alone an estimate has no standard error


class Parts(NamedTuple):
    """What the choices make of data of one form.

    Fields:
      model: the VAE.
      step: as in `Trained`.
      rate: as in `Views`: in closed form, sampled, or None where there is no bound.
      score: as in `Views`.
      draws: how many draws tell all there is of log p(x), where they are all one; else None.
    """

    model: VAE
    step: Callable[[Optimize], Step]
    rate: Rate | None
    score: Callable[..., dict[str, float]] = no_more
    draws: int | None = None


def parts(
    choices: Choices,
    defaults: Choices,
    form: Form,
    latents: int,
    embed: Callable[[Event], Array] | None = None,
    preprocess: Callable[[Event], Event] | None = None,
    mask_of: Callable[[Event], Event] | None = None,
) -> Parts:
    """Model and training step of the choices.

    Args:
      choices: what was chosen.
      defaults: of the config: an option that is other than there was asked for.
      form: of an example.
      latents: dimensions of z.
      embed, preprocess: of encoder and decoder; see `Network`.
      mask_of: the condition -> which values of x are there, where some are missing: the encoder is
        told the condition, and the decoder not.

    Raises:
      ValueError: a name that is in no table; an option of another name than the chosen; and what
        the data or the rows refuse.
    """
    given = (choices, defaults)
    check_form(choices, form, mask_of is not None)
    embed = _length if form.padded else embed
    posterior = chosen("posterior", POSTERIORS, *given)(latents)
    check_gradient(choices, posterior)
    check_ahead(choices, posterior)
    encoder, decoder = chosen("network", NETWORKS, *given)(form._replace(grid=posterior.in_codes))
    head = chosen("likelihood", LIKELIHOODS, *given)(form)
    head = chosen("decoder", DECODERS, *given)(form, head, preprocess)
    head = with_classes(head, form, choices.dtype)
    prior = chosen("prior", PRIORS, *given)(latents)
    check_latents(choices, prior, posterior)
    optimizer = chosen("optimizer", OPTIMIZERS, *given)
    optimizer(0.0)  # its options are looked at before there is a run
    own, p = _latent_parts(posterior, prior.prior, encoder, form, latents)
    writer = _writer(form, Network(decoder, head, embed), mask_of)
    model = vae(Network(encoder, own, embed, preprocess), writer, p)
    reader = Network(encoder, own, embed)  # behind the preprocessing
    if prior.inputs:
        model = with_read_inputs(model, reader, prior, form, preprocess)
    if choices.scale == "optimal":
        model = with_optimal_scale(model)
    if posterior.examples:
        model = with_kept_examples(model, reader, posterior, form)
    return _trained(posterior, posterior.trained(model), prior, given)


def _writer(form: Form, network: Network, mask_of: Callable[[Event], Event] | None) -> nn.Module:
    """The decoder, of whose values those are counted that are there."""
    if form.padded:
        told = network.clone(embed=one_hot(form.shape[0] + 1))
        return masked(told, _length, filling=PADDING)
    if mask_of is not None:
        return masked(network.clone(embed=None), mask_of, told=False)
    return network


def _length(c: Array) -> Array:
    """The condition of sequences of several lengths, as their encoders take it."""
    return c


def _latent_parts(
    posterior: Posterior,
    prior: Distribution | nn.Module,
    encoder: nn.Module,
    form: Form,
    latents: int,
) -> tuple[nn.Module, Distribution | nn.Module]:
    """The posterior's head and the prior; of codes both are of all vectors."""
    if not posterior.in_codes:
        return posterior.head, prior
    event = code_event(encoder, form.shape, posterior, latents)
    return posterior.head.clone(event_shape=event), standard_gaussian(*event)


def _trained(
    posterior: Posterior, model: VAE, prior: Prior, given: tuple[Choices, Choices]
) -> Parts:
    optimizer = chosen("optimizer", OPTIMIZERS, *given)
    rate = None if posterior.is_point else posterior.rate or prior.rate
    beside = (posterior.terms,) if posterior.terms else ()
    objective = chosen("objective", OBJECTIVES, *given)(model, posterior.descended or rate, *beside)
    others = ("decoder", "prior") if prior.is_learned else ("decoder",)
    descended = Descended(model, objective, optimizer, others, rate)
    made = Parts(posterior.scored(model), chosen("step", STEPS, *given)(descended), rate)
    return made._replace(score=code_score, draws=_ALIKE) if posterior.in_codes else made
