"""How long a run is where nobody says."""

STEPS = 4_000  # which end within five minutes for most sets on two CPU cores: docs/defaults.md


def epochs_of(examples: int, batch_size: int) -> int:
    """The epochs that make about 4,000 steps, one at least."""
    return max(1, round(STEPS / max(1, examples // max(1, batch_size))))
