"""How long a run is where nobody says."""

import pytest

from vae_jax.configs.lengths import epochs_of


@pytest.mark.parametrize(
    ("examples", "epochs"),
    [(60_000, 7), (10_000, 40), (2_000, 200), (500, 250), (50, 250), (10**8, 1)],
)
def test_about_four_thousand_steps_in_few_enough_epochs(examples, epochs):
    assert epochs_of(examples, 100) == epochs
