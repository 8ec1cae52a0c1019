"""What every contestant of the training benchmark is given: networks, batches, pixels.

Only numpy is imported here, because the contestants live in different environments.
"""

import math
from typing import Any, Literal, NamedTuple

import numpy as np

SIDE = 28
PIXELS = SIDE * SIDE
CHANCE = PIXELS * math.log(2)  # nats; a decoder's loss that knows nothing, about where it starts
UP = "transposed"  # how a convolutional decoder doubles an image; or "resized"


class Case(NamedTuple):
    """A VAE of 28x28 binary pixels, and the batches it is trained on.

    Fields:
      name: of its row.
      encoder, decoder: widths of the hidden layers; of a convolutional VAE, channels of the 4x4
        convolutions of stride 2, and of the transposed ones.
      latent: D; the posterior is a diagonal Gaussian, mean and log scale linear in the features.
      batch: B.
      draws: K of the importance-weighted bound; 0 for the ELBO of one draw, the rate a closed form.
      activation: "relu" or "tanh".
      learning_rate, epsilon: of Adam.
      convolutional: whether `encoder` and `decoder` are channels.
      dtype: of the networks' arithmetic, "bfloat16"; None for that of parameters and pixels.
    """

    name: str
    encoder: tuple[int, ...]
    latent: int
    decoder: tuple[int, ...]
    batch: int
    draws: int = 0
    activation: str = "relu"
    learning_rate: float = 1e-3
    epsilon: float = 1e-8
    convolutional: bool = False
    dtype: str | None = None


_MLP = Case("mlp", (512,), 16, (512,), batch=128)
_BURDA = Case(
    "iwae k=1", (200, 200), 50, (200, 200), batch=20, draws=1, activation="tanh", epsilon=1e-4
)
_CONV = Case("conv", (32, 64), 16, (64, 32), batch=128, convolutional=True)
CASES = {
    case.name: case for case in (_MLP, _BURDA, _BURDA._replace(name="iwae k=50", draws=50), _CONV)
}
Name = Literal["mlp", "iwae k=1", "iwae k=50", "conv"]


def case_of(told: str | dict[str, Any]) -> Case:
    """The case of a name; or of the fields, as they come out of JSON."""
    if isinstance(told, str):
        return CASES[told]
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in told.items()}
    return Case(**fields)


def tiny(case: Case) -> Case:
    """The same of a few units, on small batches, by which to try a command."""
    encoder, decoder = ((4,) * len(widths) for widths in (case.encoder, case.decoder))
    small = case._replace(encoder=encoder, decoder=decoder, latent=2)
    return small._replace(batch=min(case.batch, 5), draws=min(case.draws, 2))


def images(number: int) -> np.ndarray:
    """Binary pixels [number, 784], float32: a few smooth shapes an image, a fifth of them white.

    Where sixteen random numbers, each on a blob of its own place, add up to enough: pixels that
    depend on each other as those of digits do, so that training has something to learn.
    """
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), axis=-1).reshape(-1, 1, 2)
    centres = rng.uniform(4, SIDE - 4, (16, 2))
    blobs = np.exp(-np.sum((grid - centres) ** 2, axis=-1) / (2 * 4**2)).astype(np.float32)
    heights = rng.standard_normal((number, 16), dtype=np.float32)
    return (heights @ blobs.T > 0.8).astype(np.float32)
