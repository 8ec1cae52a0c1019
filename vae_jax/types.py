"""Names of types used everywhere."""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import jax

Array: TypeAlias = jax.Array
Key: TypeAlias = jax.Array  # one scalar typed key: jax.random.key(0)
Event: TypeAlias = Any  # what a distribution is over: an array, or a tuple or dict of them
Params: TypeAlias = Any  # a nested dict of arrays
Batch: TypeAlias = dict[str, Any]  # {"x": [B, ...], "c": [B, ...]}; "c" may be missing
Progress: TypeAlias = Callable[[Iterable[int]], Iterable[int]]  # wraps a loop, as tqdm does
