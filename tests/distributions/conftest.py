"""The two precisions at which densities are compared with scipy's and numpyro's float64."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
import pytest


class Precision(NamedTuple):
    dtype: Any
    rtol: float  # float32: 100 roundings; float64: 5000, far below any term of a formula


@pytest.fixture(params=[Precision(np.float32, 6e-6), Precision(np.float64, 5e-13)])
def precision(request: pytest.FixtureRequest) -> Iterator[Precision]:
    jax.config.update("jax_enable_x64", request.param.dtype is np.float64)
    yield request.param
    jax.config.update("jax_enable_x64", False)
