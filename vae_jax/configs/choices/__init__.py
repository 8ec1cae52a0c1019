"""What people choose of a config of data: a table a kind, a row a name with its own options.

A row is a function; its keyword options are those of its name alone, and fields of `Choices`, which
are the command line's. Another row is a function in a table, and a field for each new option.
"""

from collections.abc import Callable
from typing import NamedTuple

from flax import linen as nn

from vae_jax.configs.choices.choices import Choices
from vae_jax.configs.choices.decoders import DECODERS
from vae_jax.configs.choices.form import Form
from vae_jax.configs.choices.likelihoods import LIKELIHOODS, with_classes
from vae_jax.configs.choices.networks import NETWORKS
from vae_jax.configs.choices.objectives import OBJECTIVES
from vae_jax.configs.choices.optimizers import OPTIMIZERS
from vae_jax.configs.choices.posteriors import POSTERIORS, Posterior
from vae_jax.configs.choices.priors import PRIORS
from vae_jax.configs.choices.steps import STEPS, Descended
from vae_jax.configs.choices.table import chosen
from vae_jax.configs.experiment import Optimize
from vae_jax.distributions import Distribution
from vae_jax.evaluate.scores import Rate
from vae_jax.models import VAE, vae, with_optimal_scale
from vae_jax.networks import Network, masked
from vae_jax.train import Step
from vae_jax.types import Array, Event

__all__ = ["Choices", "Form", "Parts", "parts"]


class Parts(NamedTuple):
    """What the choices make of data of one form.

    Fields:
      model: the VAE.
      step: as in `Trained`.
      rate: as in `Views`: in closed form, sampled, or None where there is no bound.
    """

    model: VAE
    step: Callable[[Optimize], Step]
    rate: Rate | None


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
    if choices.likelihood not in form.likelihoods:
        raise ValueError(
            f"likelihood={choices.likelihood!r} does not fit these data: choose"
            f" {' or '.join(form.likelihoods)}."
        )
    if choices.gradient == "score-free" and choices.norm == "batch":
        raise ValueError(
            "gradient='score-free' is for networks that see one example, and norm='batch' sees the"
            " batch: choose norm='layer' or norm='group', or gradient='plain'."
        )
    if choices.scale == "optimal":
        _check_optimal(choices, form, mask_of is not None)
    encoder, decoder = chosen("network", NETWORKS, *given)(form)
    head = chosen("likelihood", LIKELIHOODS, *given)(form)
    head = chosen("decoder", DECODERS, *given)(form, head, preprocess)
    head = with_classes(head, form, choices.dtype)
    posterior = chosen("posterior", POSTERIORS, *given)(latents)
    prior = chosen("prior", PRIORS, *given)(latents)
    _check_posterior(choices, prior.prior, posterior)
    optimizer = chosen("optimizer", OPTIMIZERS, *given)
    optimizer(0.0)  # its options are looked at before there is a run
    model = vae(
        Network(encoder, posterior.head, embed, preprocess),
        Network(decoder, head, embed)
        if mask_of is None
        else masked(Network(decoder, head), mask_of, told=False),
        prior.prior,
    )
    if choices.scale == "optimal":
        model = with_optimal_scale(model)
    rate = None if posterior.is_point else prior.rate
    objective = chosen("objective", OBJECTIVES, *given)(model, rate)
    others = ("decoder",) if isinstance(prior.prior, Distribution) else ("decoder", "prior")
    descended = Descended(model, objective, optimizer, others, rate)
    return Parts(model, chosen("step", STEPS, *given)(descended), rate)


def _check_optimal(choices: Choices, form: Form, is_masked: bool) -> None:
    """ValueError where the one best variance of a batch is not asked of a Gaussian of x alone."""
    is_gaussian = choices.likelihood == "gaussian" and choices.decoder == "independent"
    if not is_gaussian or form.beside or is_masked:
        raise ValueError(
            "scale='optimal' is of a Gaussian over all of x, with likelihood='gaussian' and"
            " decoder='independent', and of data without columns of text or missing values: choose"
            " scale='learned', one standard deviation, which is descended."
        )
    if choices.gradient == "score-free":
        raise ValueError(
            "gradient='score-free' is for what sees one example, and scale='optimal' is fitted to"
            " the batch: choose scale='learned', or gradient='plain'."
        )


def _check_posterior(
    choices: Choices, prior: Distribution | nn.Module, posterior: Posterior
) -> None:
    """ValueError for a prior, or free bits, that the posterior makes no sense of."""
    if choices.free_bits and choices.free_bits_per == "dimension" and not posterior.is_diagonal:
        raise ValueError(
            f"posterior={choices.posterior!r} has no rate of each dimension, of which bits could be"
            " free: choose free_bits_per='total', or posterior='gaussian'."
        )
    if isinstance(prior, Distribution):
        return
    name = choices.prior
    if posterior.is_point:
        raise ValueError(
            f"prior={name!r} is learned by the rate, and posterior='point' has none: choose"
            " prior='standard'."
        )
    if posterior.is_committed:
        raise ValueError(
            f"posterior='committed' has its rate under the standard prior, and prior={name!r} is"
            " learned, and comes to it: choose prior='standard'."
        )
