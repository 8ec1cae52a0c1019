"""The columns of a Parquet file."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from vae_jax.data.columns import Column, check_names, column_of_classes, column_of_numbers, missing

_INDEX = "__index_level_"  # how pandas calls it


def read_parquet(path: Path, leave_out: Collection[str], gaps: bool) -> list[Column]:
    """The columns of a file; raises as `read_table`."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(
            f"{path} is read with pyarrow, which is not installed: pip install pyarrow, or save it"
            " as .csv."
        ) from error
    try:
        table = pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{path} is damaged, or not Parquet ({error}). Save it again.") from error
    names = ["" if name.startswith(_INDEX) else name for name in table.column_names]
    check_names(names, leave_out, str(path))
    if not len(table):
        raise ValueError(f"{path} has no row.")
    read = zip(names, table.columns, strict=True)
    return [
        _column(name, values, str(path), gaps) for name, values in read if name not in leave_out
    ]


def _column(name: str, values: Any, what: str, gaps: bool) -> Column:
    from pyarrow import types

    if types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    kind = values.type
    are_numbers = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    if values.null_count and not (gaps and are_numbers):
        raise missing(name, np.asarray(values.is_null()), what, of_numbers=are_numbers)
    if are_numbers:
        numbers = np.asarray(values.cast("float64", safe=False).fill_null(float("nan")))
        return column_of_numbers(name, numbers, what, gaps)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_boolean(kind):
        return column_of_classes(name, values.cast("string").to_pylist(), what)
    raise ValueError(
        f"{what}: column {name!r} is {kind}, and numbers or text are needed: convert it, or leave"
        " it out (leave_out, --leave-out)."
    )
