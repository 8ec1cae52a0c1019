"""The experiments by name: each a function whose docstring says what to expect."""

from experiments.configs.digits import digits, digits_conditional
from experiments.configs.fashion import fashion_conv
from experiments.configs.mnist import mnist_iwae, mnist_vae
from experiments.experiment import Config

CONFIGS: dict[str, Config] = {
    config.__name__: config
    for config in (digits, digits_conditional, mnist_vae, mnist_iwae, fashion_conv)
}
