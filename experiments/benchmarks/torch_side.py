"""The contestants of the training benchmark that are written in PyTorch: bare loops.

The loop is as short as it can be: all data are one tensor in memory, of which a permutation takes a
batch. To the compiled one every switch is given that we know of: `torch.compile` of the loss, and
the fused Adam.
"""

from collections.abc import Callable
from typing import Any

import torch

from experiments.benchmarks.cases import Case, case_of, images
from experiments.benchmarks.contest import Turn, Work, cores, serve
from experiments.benchmarks.torch_nets import Loss


def eager(case: Case, steps: int, device: str = "cpu") -> Turn:
    """Turns of plain PyTorch."""
    model = Loss(case).to(device)
    return _loop(case, steps, device, model, _adam(case, model))


def compiled(case: Case, steps: int, device: str = "cpu", **options: Any) -> Turn:
    """Turns of compiled PyTorch; it needs a C++ compiler."""
    model = Loss(case).to(device)
    loss = torch.compile(model, **options)
    return _loop(case, steps, device, loss, _adam(case, model, fused=True))


def graphs(case: Case, steps: int, device: str = "cpu") -> Turn:
    """Turns of compiled PyTorch whose kernels are launched as CUDA graphs, for one batch size."""
    return compiled(case, steps, device, mode="reduce-overhead", dynamic=False)


CONTESTANTS = {
    "PyTorch, eager": eager,
    "PyTorch, compiled": compiled,
    "PyTorch, CUDA graphs": graphs,
}


def prepare(work: Work) -> Turn:
    """The turns of a contestant in a case.

    On a GPU float32 products are in TF32, as JAX's are by default, and PyTorch's convolutions.
    """
    device = work.get("device", "cpu")
    if device == "cuda":
        torch.set_float32_matmul_precision("high")
    torch.manual_seed(0)
    torch.set_num_threads(cores())
    return CONTESTANTS[work["contestant"]](case_of(work["case"]), work["steps"], device)


def _loop(
    case: Case,
    steps: int,
    device: str,
    loss_of: Callable[[torch.Tensor], torch.Tensor],
    optimizer: torch.optim.Optimizer,
) -> Turn:
    x = torch.as_tensor(images(steps * case.batch), device=device)

    def turn() -> float:
        total = torch.zeros((), device=device)
        for index in torch.randperm(len(x), device=device).split(case.batch):
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(x[index])
            loss.backward()
            optimizer.step()
            total += loss.detach()
        return float(total) / steps

    return turn


def _adam(case: Case, model: Loss, **options: bool) -> torch.optim.Adam:
    return torch.optim.Adam(model.parameters(), case.learning_rate, eps=case.epsilon, **options)


if __name__ == "__main__":
    serve(prepare)
