"""What the JSON files of a run must hold, as far as others rely on it."""

from pathlib import Path
from typing import Any

from vae_jax.configs.kinds import brief, fits, spelt

Form = dict[str, Any]  # by name: a type, or the form of an object

CONFIG: Form = {
    "config": str,
    "package": {"distribution": str | None, "version": str | None},
    "options": dict,
    "found": dict,
    "training": dict,
    "example": {"x": Any},
    "stored": dict,
}
PRIOR: Form = {"of": str, "fit": str, "size": int, "options": dict}
EXTENSION: Form = {"after": int, "epochs": int, "learning_rate": float}
RESUMED: Form = {"after": int, "devices": dict, "versions": dict}
STATUS: Form = {"state": str, "epoch": int, "epochs": int, "best_epoch": int | None}
ROW: Form = {"data": str, "epoch": int}
_BOUND: Form = {
    "elbo": {"elbo": float, "elbo_standard_error": float, "distortion": float, "rate": float},
    "log_likelihood": {
        "value": float,
        "standard_error_over_images": float,
        "importance_samples": int,
        "mean_monte_carlo_standard_error": float,
        "median_effective_sample_size": float,
    },
}
_NO_BOUND: Form = {"distortion": {"value": float, "standard_error": float}}
_PERHAPS: Form = {
    "epoch": int,
    "active_units": {"number": int, "latents": int},
    "mutual_information": {"value": float, "marginal_kl": float},
    "code_perplexity": float,
    "code_usage": float,
    "num_codes": int,
    "bits_per_dim": float,
    "baselines": dict,
    "advice": list,
}


def check_form(path: Path, content: Any, form: Form, within: str = "") -> None:
    """ValueError, naming file and place, unless content is an object that has all of a form."""
    where = f"{path} is damaged: {within or 'it'}"
    if not isinstance(content, dict):
        raise ValueError(f"{where} must be an object; got {brief(content)}.")
    missing = [name for name in form if name not in content]
    if missing:
        raise ValueError(f"{where} lacks {', '.join(missing)}.")
    for name, kind in form.items():
        place, value = f"{within}.{name}" if within else name, content[name]
        if isinstance(kind, dict):
            check_form(path, value, kind, place)
        elif not fits(value, kind):
            wrong = f"{place} must be {spelt(kind)}; got {brief(value)}"
            raise ValueError(f"{path} is damaged: {wrong}.")


def check_config(path: Path, content: Any) -> None:
    """ValueError unless it is a config.json."""
    check_form(path, content, CONFIG)
    for name, form in (("extensions", EXTENSION), ("resumed", RESUMED)):
        entries = content.get(name, [])
        if not isinstance(entries, list):
            raise ValueError(f"{path} is damaged: {name} must be a list; got {brief(entries)}.")
        for number, entry in enumerate(entries):
            check_form(path, entry, form, f"{name}[{number}]")
    if "prior" in content:
        check_form(path, content["prior"], PRIOR, "prior")


def check_row(path: Path, row: Any) -> None:
    """ValueError unless it is a line of metrics.jsonl: where it is of what, and numbers."""
    check_form(path, row, ROW)
    check_form(path, row, {name: float for name in row if name not in ROW})


def check_evaluation(path: Path, content: Any) -> None:
    """ValueError unless it is an evaluation.json, of a model with a bound or without."""
    check_form(path, content, {})
    check_form(path, content, _BOUND if "elbo" in content else _NO_BOUND)
    check_form(path, content, {n: form for n, form in _PERHAPS.items() if n in content})
