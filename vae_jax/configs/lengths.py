"""How long a run is where nobody says: docs/defaults.md has what it was measured by."""

STEPS = 4_000  # which end within five minutes for most sets on two CPU cores
MOST = 250  # epochs: a small set is learned by heart in more
_PIXELS, _FEWEST = 2_000_000, 1_000  # of the steps of convolutions, whose time is that of a pixel


def epochs_of(examples: int, batch_size: int, steps: int = STEPS) -> int:
    """The epochs that make about so many steps, in 1 .. 250."""
    in_epoch = max(1, examples // max(1, batch_size))
    return min(MOST, max(1, round(steps / in_epoch)))


def default_steps(network: str, shape: tuple[int, ...]) -> int:
    """4,000; of convolutions, whose steps take as long as their images are large, as many as there
    are in two million pixels, in 1,000 .. 4,000."""
    if network not in ("conv", "residual"):
        return STEPS
    return max(_FEWEST, min(STEPS, _PIXELS // (shape[0] * shape[1])))
