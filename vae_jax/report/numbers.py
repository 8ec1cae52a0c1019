"""Numbers as text, and the table of a run's final ones."""

import json
import math
import textwrap
from typing import Any, NamedTuple

from vae_jax.report.run import finite

_MINUS = "−"


class Quantity(NamedTuple):
    """A row of the table: where it is in evaluation.json, and what is said of it."""

    label: str
    value: str
    error: str = ""
    sign: int = 1
    unit: str = "nats"
    note: str = ""
    of: str = ""  # a number that stands in the note


class Row(NamedTuple):
    """A row of the table, as text."""

    label: str
    value: str
    note: str


_WITHOUT = "without latents, fitted to the training data"

QUANTITIES = (
    Quantity(
        "−ELBO", "elbo.elbo", "elbo.elbo_standard_error", -1, note="± its error over the examples"
    ),
    Quantity("distortion", "elbo.distortion", note="−E log p(x|z)"),
    Quantity(
        "distortion",
        "distortion.value",
        "distortion.standard_error",
        note="−E log p(x|z); there is no bound",
    ),
    Quantity("rate", "elbo.rate", note="KL(q(z|x) ‖ p(z))"),
    Quantity(
        "−log p(x)",
        "log_likelihood.value",
        "log_likelihood.standard_error_over_images",
        -1,
        note="K = {} importance samples for each example",
        of="log_likelihood.importance_samples",
    ),
    Quantity(
        "effective sample size",
        "log_likelihood.median_effective_sample_size",
        unit="",
        note="of {}, in the median",
        of="log_likelihood.importance_samples",
    ),
    Quantity("−log p(x), independent dimensions", "baselines.independent", sign=-1, note=_WITHOUT),
    Quantity("−log p(x), one Gaussian", "baselines.full_covariance", sign=-1, note=_WITHOUT),
    Quantity("bits per dimension", "bits_per_dim", unit="", note="of the integers, at most"),
    Quantity(
        "bits, independent dimensions",
        "baselines_bits_per_dim.independent",
        unit="",
        note=_WITHOUT,
    ),
    Quantity(
        "bits, one Gaussian", "baselines_bits_per_dim.full_covariance", unit="", note=_WITHOUT
    ),
    Quantity(
        "bits, uniform code",
        "baselines_bits_per_dim.uniform",
        unit="",
        note="every value as likely",
    ),
    Quantity(
        "mutual information",
        "mutual_information.value",
        "mutual_information.standard_error",
        note="of z and which of {0} examples, at most log {0}",
        of="mutual_information.images",
    ),
    Quantity(
        "KL(q(z) to p(z))",
        "mutual_information.marginal_kl",
        note="of the mixture of the {} posteriors from the prior that samples are drawn from",
        of="mutual_information.images",
    ),
    Quantity(
        "active units", "active_units.number", unit="", note="of {}", of="active_units.latents"
    ),
    Quantity(
        "perplexity of the codes",
        "code_perplexity",
        unit="",
        note="of each table; exp of the entropy of their frequencies",
    ),
    Quantity(
        "fraction of the codes in use",
        "code_usage",
        unit="",
        note="of {} that there are",
        of="num_codes",
    ),
)


def number(value: object) -> str:
    """Four figures or so; whole numbers in full."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "none" if value is None else str(value)
    if isinstance(value, int):
        text = f"{value:,}"
    elif not math.isfinite(value):
        text = "not a number" if math.isnan(value) else f"{value:+}".replace("inf", "∞")
    elif 1e3 <= abs(value) < 1e9:
        text = f"{value:,.0f}"
    elif 10 <= abs(value) < 1e3:
        text = f"{value:.2f}"
    else:
        text = f"{value:.4g}"
    return text.replace("-", _MINUS)


def with_error(value: float, error: object) -> str:
    """The value to the second figure of its standard error."""
    if not (isinstance(error, int | float) and finite(error) and error > 0 and finite(value)):
        return number(value)
    places = min(9, max(0, 1 - math.floor(math.log10(error))))
    return f"{value:,.{places}f} ± {error:,.{places}f}".replace("-", _MINUS)


def final(evaluation: dict[str, Any]) -> tuple[list[Row], list[tuple[str, str]]]:
    """The rows for what is known of an evaluation, and a name and a text for all the rest."""
    flat = flatten(evaluation)
    known = [q for q in QUANTITIES if isinstance(flat.get(q.value), int | float)]
    used = {"epoch", "images", *(key for q in known for key in (q.value, q.error, q.of))}
    rest = [(_words(key), text_of(value)) for key, value in flat.items() if key not in used]
    return [_row(quantity, flat) for quantity in known], rest


def headline(evaluation: dict[str, Any]) -> Row | None:
    """The row of the bound, or of the distortion where there is none; of no other number."""
    flat = flatten(evaluation)
    of = [q for q in QUANTITIES if q.value in ("elbo.elbo", "distortion.value")]
    return next((_row(q, flat) for q in of if finite(flat.get(q.value))), None)


def text_of(value: object) -> str:
    """Any value of a JSON file, in a line."""
    if isinstance(value, list | dict):
        return textwrap.shorten(json.dumps(value), 120, placeholder=" …")
    return number(value)


def flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"elbo": {"rate": 5}} as {"elbo.rate": 5}."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        branch = isinstance(value, dict) and value
        flat |= flatten(value, f"{prefix}{key}.") if branch else {f"{prefix}{key}": value}
    return flat


def _row(quantity: Quantity, flat: dict[str, Any]) -> Row:
    value = with_error(quantity.sign * flat[quantity.value], flat.get(quantity.error))
    note = quantity.note if quantity.of in ("", *flat) else ""
    parts = (quantity.unit, note.format(number(flat.get(quantity.of))))
    return Row(quantity.label, value, "; ".join(filter(None, parts)))


def _words(key: str) -> str:
    return key.replace(".", ": ").replace("_", " ")
