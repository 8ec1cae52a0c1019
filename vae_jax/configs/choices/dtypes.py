"""What bodies and heads compute in; parameters, densities and bounds are float32 in any case."""

import jax.numpy as jnp
from flax.typing import Dtype

# None: that of input and parameters
DTYPES: dict[str, Dtype | None] = {"float32": None, "bfloat16": jnp.bfloat16}
