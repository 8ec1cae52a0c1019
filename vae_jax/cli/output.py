"""Where a command's arrays go."""

import io
from pathlib import Path
from typing import Any

import numpy as np

from vae_jax.cli.terminal import console
from vae_jax.runs.folder import write


def save(shown: Path, **arrays: Any) -> None:
    """Write the arrays as .npz beside the file that shows them, and say where both are."""
    path = shown.with_suffix(".npz")
    save_arrays(path, **arrays)
    console.print(f"{shown}\n{path}", highlight=False, soft_wrap=True)


def save_arrays(path: Path, **arrays: Any) -> None:
    """One .npz, all of it or nothing."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    write(path, file.getvalue())


def save_parquet(path: Path, z: np.ndarray, **columns: np.ndarray) -> None:
    """A table with a column for each latent, z0, z1, ..., and those given; whole or nothing."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError("parquet needs pyarrow, which is not installed: use .npz.") from error
    latents = {f"z{d}": column for d, column in enumerate(z.reshape(len(z), -1).T)}
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({**latents, **columns}), file)
    write(path, file.getvalue())
