"""How long a run is where nobody says."""

import pytest

from vae_jax.configs.lengths import default_steps, epochs_of


@pytest.mark.parametrize(
    ("examples", "epochs"),
    [(60_000, 7), (10_000, 40), (2_000, 200), (500, 250), (50, 250), (10**8, 1)],
)
def test_about_four_thousand_steps_in_few_enough_epochs(examples, epochs):
    assert epochs_of(examples, 100) == epochs


@pytest.mark.parametrize(
    ("network", "shape", "steps"),
    [
        ("conv", (8, 8, 1), 4000),
        ("conv", (28, 28, 1), 2551),
        ("conv", (32, 32, 3), 1953),
        ("conv", (256, 256, 3), 1000),
        ("mlp", (256, 256, 3), 4000),
    ],
)
def test_convolutions_of_large_images_make_fewer_steps(network, shape, steps):
    assert default_steps(network, shape) == steps
