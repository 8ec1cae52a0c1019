"""Posteriors over classes."""

import optax

from vae_jax.checks import check_count, check_within
from vae_jax.configs.choices.dtypes import DTYPES
from vae_jax.configs.choices.posterior import Posterior
from vae_jax.configs.choices.table import one_of
from vae_jax.models import VAE, hard, relaxed
from vae_jax.networks import OneHotHead
from vae_jax.objectives import categorical_rate, rate

_TEMPERATURES = (1e-3, 1e3)


def categorical(latents: int, *, latent_classes: int = 10, dtype: str = "float32") -> Posterior:
    """Classes, whose draws have no derivative: for the objectives rloo, vimco and enumerated."""
    check_count("latent_classes", latent_classes)
    head = OneHotHead((latents,), latent_classes, one_of("dtype", DTYPES, dtype))
    states = latent_classes**latents
    return Posterior(head, is_diagonal=False, has_path=False, states=states, space="classes")


def gumbel(
    latents: int,
    *,
    latent_classes: int = 10,
    temperature: float = 1.0,
    temperature_end: float | None = None,
    temperature_steps: int = 0,
    straight_through: bool = False,
    dtype: str = "float32",
) -> Posterior:
    """Classes, relaxed in training (Gumbel-softmax), and scored as they are."""
    check_within("temperature", temperature, *_TEMPERATURES)
    now: float | optax.Schedule = temperature
    if temperature_end is not None or temperature_steps:
        end = _end(temperature_end, temperature_steps)
        now = optax.exponential_decay(
            temperature, temperature_steps, end / temperature, end_value=end
        )

    def trained(model: VAE) -> VAE:
        return relaxed(model, now, straight_through=straight_through)

    classes = categorical(latents, latent_classes=latent_classes, dtype=dtype)
    own = rate if straight_through else categorical_rate
    return classes._replace(has_path=True, states=0, trained=trained, scored=hard, descended=own)


def _end(end: float | None, steps: int) -> float:
    if end is None or not steps:
        raise ValueError(
            "A temperature that falls needs where it ends and in how many steps:"
            f" temperature_end=0.5 and temperature_steps=10000, say; got {end} and {steps}."
        )
    check_within("temperature_end", end, *_TEMPERATURES)
    check_count("temperature_steps", steps)
    return end
