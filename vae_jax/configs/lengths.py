"""How long a run is where nobody says: docs/defaults.md has what it was measured by."""

STEPS = 4_000  # which end within five minutes for most sets on two CPU cores
MOST = 250  # epochs: a small set is learned by heart in more


def epochs_of(examples: int, batch_size: int) -> int:
    """The epochs that make about 4,000 steps, in 1 .. 250."""
    steps = max(1, examples // max(1, batch_size))
    return min(MOST, max(1, round(STEPS / steps)))
