"""Where numbers went bad: which step, which examples, which terms."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import hosts
from vae_jax.models import learned
from vae_jax.train.epochs import epoch_order, steps_of
from vae_jax.train.steps import Metrics
from vae_jax.types import Array, Key, Params

_SHOWN = 8  # examples named in a message
_LATER = "Lower the learning rate or clip the gradient."
_AT_FIRST = (
    "No step had been taken, so it is not the learning rate: look at the data (numbers far from 1"
    " are centred and scaled, Network(preprocess=...)), the conditions, and the scales of posterior"
    " and likelihood."
)


class NotFiniteError(FloatingPointError):
    """A loss, a term or a parameter is NaN or infinite.

    Attributes:
      step: the step whose loss it is, counted from 0.
      examples: which of the training data were in its batch; [] if that is not known.
      terms: every metric of that step.
      before: the examples of the step before, whose gradient may have been what went bad; [] where
        the parameters were good when the step began.
    """

    def __init__(
        self,
        message: str,
        step: int,
        examples: Sequence[int] = (),
        terms: Mapping[str, float] = MappingProxyType({}),
        before: Sequence[int] = (),
    ):
        super().__init__(f"{message} {_LATER if step else _AT_FIRST}")
        self.step, self.terms = step, dict(terms)
        self.examples, self.before = list(examples), list(before)


def check_metrics(
    metrics: Metrics, key: Key, step: int, num_examples: int, batch_size: int
) -> None:
    """Raise NotFiniteError for the first step of an epoch at which a metric is not finite.

    Args:
      metrics: of the epoch, or of a part of one that was streamed, [steps] each.
      key: of the state of training.
      step: the first of these.
      num_examples, batch_size: of the data.
    """
    values = {name: np.asarray(value) for name, value in metrics.items()}
    finite = np.all([np.isfinite(value) for value in values.values()], axis=0)
    if finite.all():
        return
    bad = int(np.argmin(finite))
    num_steps = steps_of(num_examples, batch_size)
    done = step % num_steps if len(finite) < num_steps else 0  # of a streamed epoch
    order = epoch_order(hosts.here(key), step - done, num_examples, batch_size)
    examples = np.asarray(order[done + bad]).tolist()
    before = np.asarray(order[done + bad - 1]).tolist() if done + bad else []
    terms = {name: float(value[bad]) for name, value in values.items()}
    listed = ", ".join(f"{name} {terms[name]:.6g}" for name in sorted(terms, key=_blame(terms)))
    earlier = f", or in the gradient of the step before, on {_first(before)}" if before else ""
    raise NotFiniteError(
        f"The numbers of step {step + bad:,} are not finite: {listed}. They went bad on the"
        f" training examples {_first(examples)}{earlier}.",
        *(step + bad, examples, terms, before),
    )


def _blame(terms: Mapping[str, float]) -> Callable[[str], tuple[bool, bool]]:
    """The order in which numbers are named: those that went bad, and before their sum its terms."""
    return lambda name: (bool(np.isfinite(terms[name])), name == "loss")


def check_params(params: Params, step: int) -> None:
    """Raise NotFiniteError if a learned parameter is not finite after `step` steps."""
    check_finite(hosts.fetched(all_finite(learned(params))), step)


def check_finite(are_finite: Any, step: int) -> None:
    """The same of what `all_finite` said of them, fetched."""
    finite = jax.tree_util.tree_flatten_with_path(are_finite)[0]
    bad = [jax.tree_util.keystr(path, simple=True, separator="/") for path, ok in finite if not ok]
    if bad:
        raise NotFiniteError(
            f"{len(bad)} arrays of parameters are not finite after step {step - 1:,}, whose loss"
            f" still was: {', '.join(bad[:_SHOWN])}.",
            step - 1,
        )


@jax.jit
def all_finite(params: Params) -> Any:
    """Whether each array is, [] bool, on the device."""

    def ok(leaf: Array) -> Array:
        return jnp.all(jnp.isfinite(leaf))

    return jax.tree.map(ok, params)


def _first(examples: list[int]) -> str:
    shown = ", ".join(map(str, examples[:_SHOWN]))
    return shown if len(examples) <= _SHOWN else f"{shown} ... ({len(examples)} in all)"
