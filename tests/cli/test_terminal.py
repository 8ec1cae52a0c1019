"""What the terminal says of a run's numbers."""

import io

import pytest
from rich.console import Console

from vae_jax.cli import terminal

SCORES = {
    "epoch": 6,
    "images": 1234,
    "active_units": {"number": 0, "latents": 32, "threshold": 0.01, "images": 1234},
    "elbo": {"elbo": -104.1, "elbo_standard_error": 5.6, "distortion": 99.4, "rate": 4.7},
    "log_likelihood": {
        "value": -93.9,
        "standard_error_over_images": 5.9,
        "importance_samples": 5000,
        "mean_monte_carlo_standard_error": 0.7,
        "median_effective_sample_size": 20.0,
    },
    "bits_per_dim": 8.941,
    "baselines": {"independent": -29.66, "full_covariance": -20.5, "uniform": 0.0},
    "baselines_bits_per_dim": {"independent": 8.297, "full_covariance": 8.2, "uniform": 8.0},
    "advice": ["Worse than independent dimensions by 64.2 nats: train longer [--epochs].", "Two."],
}


def shown(monkeypatch, width, status=None, **changes):
    """The lines of the scores, in a window of so many columns."""
    console = Console(file=io.StringIO(), width=width)
    monkeypatch.setattr(terminal, "console", console)
    terminal.print_scores({**SCORES, **changes}, status or {"epoch": 6, "best_epoch": None})
    return [line.strip() for line in console.file.getvalue().splitlines()]


def cells(lines, name):
    return next(line for line in lines if line.startswith(name)).removeprefix(name).split()


def test_an_evaluation_says_of_which_data_it_is(monkeypatch):
    console = Console(file=io.StringIO(), width=100)
    monkeypatch.setattr(terminal, "console", console)
    bar = terminal.EpochBar()
    bar.begin(4, 1, "100 examples set aside")
    bar.update({"data": "held_out", "epoch": 2, "elbo": -3.0})
    bar.stop()
    assert console.file.getvalue() == "epoch 2/4  100 examples set aside:  elbo -3.00 nats\n"


def test_a_number_and_its_baselines_in_nats_and_bits(monkeypatch):
    lines = shown(monkeypatch, 100)
    assert lines[0] == "1,234 test examples, epoch 6"
    assert cells(lines, "-ELBO") == ["104.10", "5.60"]
    assert cells(lines, "-log p(x)") == ["93.90", "5.90", "8.941"]
    assert cells(lines, "independent dimensions") == ["29.66", "8.297"]
    assert cells(lines, "one Gaussian") == ["20.50", "8.200"]
    assert cells(lines, "a uniform code") == ["8.000"]  # of a density on (0, 1) nats say nothing


def test_there_are_no_bits_where_there_are_no_integers(monkeypatch):
    changes = {"bits_per_dim": 0, "baselines_bits_per_dim": 0, "baselines": {"independent": -29.66}}
    scores = {name: value for name, value in SCORES.items() if name not in changes}
    monkeypatch.setattr(f"{__name__}.SCORES", scores)
    lines = shown(monkeypatch, 100, baselines=changes["baselines"])
    assert cells(lines, "independent dimensions") == ["29.66"]
    assert not any("bits" in line.lower() for line in lines)


def test_a_mutual_information_stands_beside_the_most_that_it_can_be(monkeypatch):
    information = {"value": 5.88, "standard_error": 0.01, "marginal_kl": 20.0, "images": 360}
    lines = shown(monkeypatch, 200, mutual_information=information)
    assert any("of 360 examples: 5.88 nats, at most log 360 = 5.89;" in line for line in lines)


def test_each_advice_begins_a_line_at_the_end(monkeypatch):
    assert shown(monkeypatch, 100)[-2:] == SCORES["advice"]


@pytest.mark.parametrize("width", [40, 60])
def test_numbers_are_whole_in_a_narrow_terminal(monkeypatch, width):
    lines = shown(monkeypatch, width)
    assert max(map(len, lines)) <= width
    for number in ("104.10", "5.60", "99.40", "93.90", "8.941", "29.66", "8.297", "8.000"):
        assert any(number in line.split() for line in lines)


def test_parameters_that_were_chosen_are_called_so(monkeypatch):
    lines = shown(monkeypatch, 100, {"epoch": 9, "best_epoch": 6})
    assert lines[0] == "1,234 test examples, epoch 6, the best on the examples set aside"


def test_how_many_codes_are_in_use(monkeypatch):
    codes = {"code_perplexity": 353.32, "code_usage": 0.3359375, "num_codes": 4096}
    lines = " ".join(shown(monkeypatch, 100, **codes))
    assert "Codes: 33.6% of 4,096 in use, at a perplexity of 353.3 of each table." in lines
