"""What a run writes into its folder."""

import json

EVALUATION = {
    "epoch": 60,
    "images": 360,
    "elbo": {
        "elbo": -22.814,
        "elbo_standard_error": 0.229,
        "distortion": 17.598,
        "rate": 5.2156,
    },
    "log_likelihood": {
        "value": -22.1838,
        "standard_error_over_images": 0.1977,
        "importance_samples": 5000,
        "median_effective_sample_size": 1603.4,
    },
    "active_units": {"number": 7, "latents": 8, "threshold": 0.01},
    "mutual_information": {"value": 5.01, "standard_error": 0.04, "images": 360},
    "bits_per_dim": 3.456,
    "baselines": {"independent": -27.4, "uniform": 0.0},
    "baselines_bits_per_dim": {"independent": 3.9, "uniform": 8.0},
    "something_new": {"a_number": 1.25, "a_list": [1, 2, None]},
}
CONFIG = {
    "config": "digits",
    "options": {"epochs": 60, "learning_rate": 0.002, "note": "<script>alert(1)</script>"},
    "versions": {"python": "3.11.7", "jax": "0.10.2"},
    "commit": "0123456789ab",
    "device": "cpu:0",
}


def train_row(epoch, **more):
    distortion, rate = 17 + 10 / epoch, 5 - 2 / epoch
    return {
        "data": "train",
        "epoch": epoch,
        "bound": -distortion - rate,
        "distortion": distortion,
        "rate": rate,
        "learning_rate": 2e-3,
        "seconds": 1.0,
        "examples_per_second": 1437.0,
        **more,
    }


def test_row(epoch, **more):
    bound = {"elbo": -23 - 9 / epoch, "elbo_standard_error": 0.2, "distortion": 18.0, "rate": 5.0}
    return {"data": "held_out", "epoch": epoch, **bound, **more}


test_row.__test__ = False


def write_rows(folder, rows):
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def write(folder, name, content):
    (folder / f"{name}.json").write_text(json.dumps(content))
