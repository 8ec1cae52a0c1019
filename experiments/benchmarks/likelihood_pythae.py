"""The contestant of the likelihood benchmark from Pythae: `get_nll`, on weights of ours.

What was found in `get_nll` (0.1.2), and what is done about it here:

- It returns the mean of log p(x), not of -log p(x): taken as it is.
- It draws n_samples // batch_size batches of batch_size, or one batch of batch_size where n_samples
  is less: other numbers than were asked for unless batch_size divides n_samples, so that others
  are refused.
- It records gradients, of every batch until an image is done: called without them.
- It encodes the same image once for each draw: that is its way, and its time.
- Probabilities near 0 and 1 cost at most 100 nats a pixel: no matter for these weights.
"""

import logging
from pathlib import Path

import numpy as np
import torch
from pythae.models import VAE, VAEConfig
from torch import nn

from experiments.benchmarks.cases import CASES, SIDE, Case, images
from experiments.benchmarks.contest import Turn, Work, cores, serve
from experiments.benchmarks.pythae_side import Decoder, Encoder

_SHAPE = (1, SIDE, SIDE)


def pythae(case: Case, work: Work) -> Turn:
    """Turns of `get_nll`."""
    samples, together = work["importance_samples"], work["together"][work["contestant"]]
    if samples % together:
        raise ValueError(f"get_nll would not draw {samples} times in batches of {together}")
    model = _model(case, Path(work["weights"]))
    data = torch.from_numpy(images(work["steps"])).unflatten(1, _SHAPE)

    @torch.no_grad()
    def turn() -> float:
        return float(model.get_nll(data, n_samples=samples, batch_size=together))

    return turn


def prepare(work: Work) -> Turn:
    """The turns of a contestant."""
    logging.disable(logging.INFO)
    torch.manual_seed(0)
    torch.set_num_threads(cores())
    return pythae(CASES[work["case"]], work)


def _model(case: Case, weights: Path) -> VAE:
    encoder, decoder = Encoder(case), Decoder(case)
    with np.load(weights) as saved, torch.no_grad():
        arrays = {name: torch.from_numpy(saved[name]) for name in saved}
        _fill(_dense(encoder.net.body), arrays, "encoder/body/Dense_{}")
        _fill([encoder.net.mean], arrays, "encoder/head/loc")
        _fill([encoder.net.log_scale], arrays, "encoder/head/scale/log_scale", 2)  # log variance
        *hidden, logits = _dense(decoder.net.body)
        _fill(hidden, arrays, "decoder/body/Dense_{}")
        _fill([logits], arrays, "decoder/head/logits")
    config = VAEConfig(input_dim=_SHAPE, latent_dim=case.latent, reconstruction_loss="bce")
    return VAE(config, encoder=encoder, decoder=decoder).eval()


def _dense(body: nn.Sequential) -> list[nn.Linear]:
    return [layer for layer in body if isinstance(layer, nn.Linear)]


def _fill(
    layers: list[nn.Linear], arrays: dict[str, torch.Tensor], name: str, times: float = 1
) -> None:
    for i, layer in enumerate(layers):
        layer.weight.copy_(times * arrays[f"{name.format(i)}/kernel"].T)
        layer.bias.copy_(times * arrays[f"{name.format(i)}/bias"])


if __name__ == "__main__":
    serve(prepare)
