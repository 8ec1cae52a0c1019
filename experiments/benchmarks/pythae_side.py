"""The contestant of the training benchmark from Pythae: its models, under its trainer.

One call of the trainer's `train_step` is a pass over its own data loader. Checkpoints, evaluation
and the progress bar are left out. The value its IWAE reports is sum_k w~_k log w_k, not the bound:
less than the others' loss by up to log K nats, with the same gradient.
"""

import logging
import tempfile
from typing import Any

import torch
from pythae.data.datasets import BaseDataset
from pythae.models import IWAE, VAE, IWAEConfig, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import CallbackHandler, TrainingCallback

from experiments.benchmarks import torch_nets
from experiments.benchmarks.cases import CASES, SIDE, Case, images
from experiments.benchmarks.contest import Turn, Work, cores, serve

_SHAPE = (1, SIDE, SIDE)


class Encoder(BaseEncoder):
    """The encoder of a case, as Pythae calls it."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.net = torch_nets.Encoder(case)

    def forward(self, x: torch.Tensor) -> ModelOutput:
        """Mean, and log variance."""
        mean, log_variance = self.net(x.flatten(1))
        return ModelOutput(embedding=mean, log_covariance=log_variance)


class Decoder(BaseDecoder):
    """The decoder of a case, as Pythae calls it."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.net = torch_nets.Decoder(case)

    def forward(self, z: torch.Tensor) -> ModelOutput:
        """Probabilities [N, 1, 28, 28]."""
        return ModelOutput(reconstruction=self.net(z).sigmoid().unflatten(1, _SHAPE))


def pythae(case: Case, steps: int) -> Turn:
    """Turns of Pythae's trainer."""
    x = torch.from_numpy(images(steps * case.batch)).unflatten(1, _SHAPE)
    folder = tempfile.TemporaryDirectory()
    trainer = BaseTrainer(
        model=_model(case),
        train_dataset=BaseDataset(x, torch.ones(len(x))),
        training_config=BaseTrainerConfig(
            output_dir=folder.name,
            per_device_train_batch_size=case.batch,
            learning_rate=case.learning_rate,
            optimizer_params={"eps": case.epsilon},
            no_cuda=True,
        ),
    )
    trainer.prepare_training()
    trainer.callback_handler = CallbackHandler([TrainingCallback()], trainer.model)
    folder.cleanup()  # nothing is saved
    return lambda: float(trainer.train_step(epoch=1))


def prepare(work: Work) -> Turn:
    """The turns of a case."""
    logging.disable(logging.INFO)
    torch.set_num_threads(cores())
    return pythae(CASES[work["case"]], work["steps"])


def _model(case: Case) -> VAE:
    settings: dict[str, Any] = {
        "input_dim": _SHAPE,
        "latent_dim": case.latent,
        "reconstruction_loss": "bce",
    }
    if case.name == "mlp":
        return VAE(VAEConfig(**settings))  # its own default networks
    nets = {"encoder": Encoder(case), "decoder": Decoder(case)}
    if case.draws:
        return IWAE(IWAEConfig(**settings, number_samples=case.draws), **nets)
    return VAE(VAEConfig(**settings), **nets)


if __name__ == "__main__":
    serve(prepare)
