"""The networks of the cases in PyTorch, and their loss."""

import math

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from experiments.benchmarks.cases import PIXELS, SIDE, UP, Case

_ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}


class Encoder(nn.Module):
    """Images [B, ...] -> mean and log scale, [B, D] each."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.body = _convolutions(case) if case.convolutional else _dense(case)
        features = _side(case.encoder) ** 2 * case.encoder[-1]
        width = features if case.convolutional else case.encoder[-1]
        self.mean, self.log_scale = nn.Linear(width, case.latent), nn.Linear(width, case.latent)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The posterior's parameters."""
        features = self.body(x)
        return self.mean(features), self.log_scale(features)


class Decoder(nn.Module):
    """[N, D] -> logits [N, 784]."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.body = _doublings(case) if case.convolutional else _widths(case)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """The likelihood's parameters."""
        return self.body(z)


class Loss(nn.Module):
    """Images [B, 784] -> the loss of the batch, [] nats."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.draws, self.encoder, self.decoder = case.draws, Encoder(case), Decoder(case)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The negative ELBO, or the negative importance-weighted bound."""
        mean, log_scale = self.encoder(x)
        if not self.draws:
            z = mean + log_scale.exp() * torch.randn_like(mean)
            rate = 0.5 * (mean**2 + (2 * log_scale).exp() - 1 - 2 * log_scale).sum(-1)
            return (_distortion(self.decoder(z), x) + rate).mean()
        noise = torch.randn_like(mean.expand(self.draws, *mean.shape))
        z = mean + log_scale.exp() * noise
        logits = self.decoder(z.flatten(0, 1)).unflatten(0, (self.draws, len(x)))
        rate = (0.5 * z**2 - 0.5 * noise**2 - log_scale).sum(-1)
        log_w = -_distortion(logits, x.expand_as(logits)) - rate
        return math.log(self.draws) - torch.logsumexp(log_w, 0).mean()


def _distortion(logits: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)


def _dense(case: Case) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, width in zip((PIXELS, *case.encoder[:-1]), case.encoder, strict=True):
        layers += [nn.Linear(inputs, width), _ACTIVATIONS[case.activation]()]
    return nn.Sequential(*layers)


def _widths(case: Case) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, width in zip((case.latent, *case.decoder[:-1]), case.decoder, strict=True):
        layers += [nn.Linear(inputs, width), _ACTIVATIONS[case.activation]()]
    return nn.Sequential(*layers, nn.Linear(case.decoder[-1], PIXELS))


def _convolutions(case: Case) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Unflatten(1, (1, SIDE, SIDE))]
    for inputs, channels in zip((1, *case.encoder[:-1]), case.encoder, strict=True):
        layers += [nn.Conv2d(inputs, channels, 4, stride=2, padding=1)]
        layers += [_ACTIVATIONS[case.activation]()]
    return nn.Sequential(*layers, nn.Flatten())


def _doublings(case: Case) -> nn.Sequential:
    side, first, activation = _side(case.decoder), case.decoder[0], _ACTIVATIONS[case.activation]
    layers: list[nn.Module] = [nn.Linear(case.latent, first * side**2), activation()]
    layers += [nn.Unflatten(1, (first, side, side))]
    for inputs, channels in zip((first, *case.decoder[:-1]), case.decoder, strict=True):
        layers += [*_doubling(inputs, channels), activation()]
    return nn.Sequential(*layers, nn.Conv2d(case.decoder[-1], 1, 1), nn.Flatten())


def _doubling(inputs: int, channels: int) -> list[nn.Module]:
    if UP == "resized":
        return [nn.Upsample(scale_factor=2), nn.Conv2d(inputs, channels, 4, padding="same")]
    return [nn.ConvTranspose2d(inputs, channels, 4, stride=2, padding=1)]


def _side(channels: tuple[int, ...]) -> int:
    return SIDE // 2 ** len(channels)
