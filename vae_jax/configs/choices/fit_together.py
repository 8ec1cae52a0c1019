"""Which rows make no sense of one another."""

from vae_jax.configs.choices.choices import Choices
from vae_jax.configs.choices.form import Form
from vae_jax.configs.choices.posterior import Posterior, as_it_is
from vae_jax.configs.choices.priors import PRIORS_OF, Prior
from vae_jax.networks import FlowHead
from vae_jax.objectives import categorical_rate


def check_form(choices: Choices, form: Form, is_masked: bool) -> None:
    """ValueError for a likelihood, or a scale of it, that the data make no sense of."""
    if choices.likelihood not in form.likelihoods:
        raise ValueError(
            f"likelihood={choices.likelihood!r} does not fit these data: choose"
            f" {' or '.join(form.likelihoods)}."
        )
    is_gaussian = choices.likelihood == "gaussian" and choices.decoder == "independent"
    if choices.scale == "optimal" and (not is_gaussian or form.beside or is_masked):
        raise ValueError(
            "scale='optimal' is of a Gaussian over all of x, with likelihood='gaussian' and"
            " decoder='independent', and of data without columns of text or missing values: choose"
            " scale='learned', one standard deviation, which is descended."
        )


def check_score_free(choices: Choices, posterior: Posterior) -> None:
    """ValueError for a score-free gradient of what does not see one example, or one z, alone."""
    if choices.gradient != "score-free":
        return
    if choices.norm == "batch":
        raise ValueError(
            "gradient='score-free' is for networks that see one example, and norm='batch' sees the"
            " batch: choose norm='layer' or norm='group', or gradient='plain'."
        )
    if choices.scale == "optimal":
        raise ValueError(
            "gradient='score-free' is for what sees one example, and scale='optimal' is fitted to"
            " the batch: choose scale='learned', or gradient='plain'."
        )
    if not posterior.any_z:
        raise ValueError(
            "gradient='score-free' asks for the posterior's density at every z, and"
            f" posterior={choices.posterior!r} knows that of its draws alone: choose"
            " posterior='iaf', or gradient='plain'."
        )


def check_latents(choices: Choices, prior: Prior, posterior: Posterior) -> None:
    """ValueError for a prior, or free bits, that the posterior makes no sense of."""
    if choices.free_bits and choices.free_bits_per == "dimension" and not posterior.is_diagonal:
        raise ValueError(
            f"posterior={choices.posterior!r} has no rate of each dimension, of which bits could be"
            " free: choose free_bits_per='total', or posterior='gaussian'."
        )
    if posterior.in_codes:
        _check_codes(choices)
    elif prior.space != posterior.space:
        own = " or ".join(f"prior={name!r}" for name in PRIORS_OF[posterior.space])
        raise ValueError(
            f"posterior={choices.posterior!r} is over {posterior.space}, and"
            f" prior={choices.prior!r} over {prior.space}: choose {own}."
        )
    if posterior.descended is categorical_rate and choices.objective not in ("elbo", "capacity"):
        raise ValueError(
            f"objective={choices.objective!r} of the relaxed classes of posterior='gumbel' is a"
            " bound of another model: choose straight_through=True, or posterior='categorical' with"
            " objective='vimco'."
        )
    if choices.step == "encoder_ahead" and posterior.trained is not as_it_is:
        raise ValueError(
            "step='encoder_ahead' knows an encoder, a decoder and a prior, and"
            f" posterior={choices.posterior!r} is more than an encoder: choose step='together'."
        )
    if prior.is_learned:
        _check_learned(choices.prior, choices.posterior, prior, posterior)


def _check_learned(name: str, own: str, prior: Prior, posterior: Posterior) -> None:
    if prior.inputs and not posterior.any_z:
        raise ValueError(
            f"prior={name!r} is made of posteriors whose density is known at every z, and"
            f" posterior={own!r} knows that of its draws alone: choose posterior='iaf', or another"
            " prior."
        )
    if prior.at_means and isinstance(posterior.head, FlowHead):
        raise ValueError(
            f"prior={name!r} is around the means of posteriors, and posterior={own!r} has none in"
            " closed form: choose posterior='gaussian', or prior='vamp'."
        )
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


def _check_codes(choices: Choices) -> None:
    """ValueError for what makes no sense of codes, which are not drawn, and have a rate that no
    parameter changes."""
    asked = {"objective": "elbo", "gradient": "plain", "prior": "standard"}
    for name, only in asked.items():
        if getattr(choices, name) != only:
            raise ValueError(
                f"posterior={choices.posterior!r} is one vector of codes for each example, under a"
                f" uniform prior: {name}={getattr(choices, name)!r} is of draws; choose"
                f" {name}={only!r}."
            )
