"""The experiments by name: each a function whose docstring says what to expect."""

from vae_jax.configs.digits import digits, digits_conditional
from vae_jax.configs.experiment import Config, Data, Experiment
from vae_jax.configs.fashion import fashion_conv
from vae_jax.configs.images import images
from vae_jax.configs.mnist import mnist_iwae, mnist_vae
from vae_jax.configs.text import text

CONFIGS: dict[str, Config] = {
    config.__name__: config
    for config in (digits, digits_conditional, mnist_vae, mnist_iwae, fashion_conv, images, text)
}

__all__ = ["CONFIGS", "Config", "Data", "Experiment"]
