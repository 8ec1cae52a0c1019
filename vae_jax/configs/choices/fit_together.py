"""Which rows make no sense of one another."""

from vae_jax.configs.choices.choices import Choices
from vae_jax.configs.choices.form import Form
from vae_jax.configs.choices.posterior import Posterior, as_it_is
from vae_jax.configs.choices.priors import PRIORS_OF, Prior
from vae_jax.distributions.states import MOST
from vae_jax.networks import FlowHead
from vae_jax.objectives import categorical_rate

_TOLD = 10**12  # states: of more the number is not written
_BY_SCORE = ("rloo", "vimco", "enumerated")  # objectives that take a draw as it is


def check_form(choices: Choices, form: Form, is_masked: bool) -> None:
    """ValueError for a likelihood, or a scale of it, that the data make no sense of."""
    if choices.likelihood not in form.likelihoods:
        raise ValueError(
            f"likelihood={choices.likelihood!r} does not fit these data: choose"
            f" {' or '.join(form.likelihoods)}."
        )
    if choices.decoder == "flow" and is_masked:
        raise ValueError(
            "decoder='flow' is a density of all values together, from which those that are missing"
            " cannot be left out: choose decoder='independent'."
        )
    is_gaussian = choices.likelihood == "gaussian" and choices.decoder == "independent"
    if choices.scale == "optimal" and (not is_gaussian or form.beside or is_masked):
        raise ValueError(
            "scale='optimal' is of a Gaussian over all of x, with likelihood='gaussian' and"
            " decoder='independent', and of data without columns of text or missing values: choose"
            " scale='learned', one standard deviation, which is descended."
        )


def check_gradient(choices: Choices, posterior: Posterior) -> None:
    """ValueError for draws without the derivative that is asked for, a density that is not known at
    a draw that is given, or what does not see one example alone."""
    own, name = choices.objective, choices.posterior
    if own not in _BY_SCORE and not posterior.has_path:
        raise ValueError(
            f"objective={own!r} is descended through the draws, and those of posterior={name!r}"
            " have no derivative: choose objective='rloo' for elbo, objective='vimco' for iwae, or,"
            " where z has few states, objective='enumerated'."
        )
    if own == "enumerated":
        _check_states(name, posterior)
    if own in _BY_SCORE:
        _check_at_given_draws(choices, posterior, f"objective={own!r}", "objective='elbo'")
    if choices.gradient == "score-free":
        _check_at_given_draws(choices, posterior, "gradient='score-free'", "gradient='plain'")


def _check_states(name: str, posterior: Posterior) -> None:
    if not posterior.states:
        raise ValueError(
            f"objective='enumerated' is a sum over all states of z, and posterior={name!r} lists"
            " none: choose posterior='categorical', or objective='elbo'."
        )
    if posterior.states > MOST:
        number = f"{posterior.states:,}" if posterior.states < _TOLD else "too many to write"
        raise ValueError(
            f"objective='enumerated' is a sum over all states of z, latent_classes^latents ="
            f" {number}, and at most {MOST:,} are summed: choose fewer latents or classes, or"
            " objective='rloo', which draws some of them."
        )


def _check_at_given_draws(choices: Choices, posterior: Posterior, asked: str, instead: str) -> None:
    """Of what scores a draw as a value, and each by itself."""
    if choices.norm == "batch":
        raise ValueError(
            f"{asked} is for networks that see one example, and norm='batch' sees the batch: choose"
            f" norm='layer' or norm='group', or {instead}."
        )
    if choices.scale == "optimal":
        raise ValueError(
            f"{asked} is for what sees one example, and scale='optimal' is fitted to the batch:"
            f" choose scale='learned', or {instead}."
        )
    if not posterior.any_z:
        raise ValueError(
            f"{asked} asks for the posterior's density at every z, and"
            f" posterior={choices.posterior!r} knows that of its draws alone: choose"
            f" posterior='iaf', or {instead}."
        )


def check_ahead(choices: Choices, posterior: Posterior) -> None:
    """ValueError for a posterior that a step with its encoder ahead cannot do with."""
    if choices.step != "encoder_ahead":
        return
    own = f"posterior={choices.posterior!r}"
    if posterior.trained is not as_it_is:
        why = f"knows an encoder, a decoder and a prior, and {own} is more than an encoder"
    elif not posterior.has_path:
        why = f"descends through the draws, and those of {own} have no derivative"
    elif not posterior.any_z:
        why = f"looks at the density of q at every z, and {own} knows that of its draws alone"
    else:
        return
    raise ValueError(f"step='encoder_ahead' {why}: choose step='together'.")


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
    for name, only in {"objective": "elbo", "gradient": "plain"}.items():
        if getattr(choices, name) != only:
            raise ValueError(
                f"posterior={choices.posterior!r} draws nothing, the codes of an example are always"
                f" the same, and {name}={getattr(choices, name)!r} is of draws: choose"
                f" {name}={only!r}."
            )
    if choices.prior != "standard":
        raise ValueError(
            f"posterior={choices.posterior!r} is trained under the uniform prior of its codes, and"
            f" prior={choices.prior!r} is of none: choose prior='standard', and when the codes are"
            " learned fit a prior of them by the command prior RUN --fit codes."
        )
