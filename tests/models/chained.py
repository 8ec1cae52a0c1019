"""The oracle of two layers as a chain of modules."""

import jax.numpy as jnp
import numpy as np
from affine import Affine
from two_layers import make_params

from vae_jax import chain, standard_gaussian

MODEL = chain([Affine(()), Affine(())], [Affine((3,)), Affine(())], standard_gaussian())


def chained(dtype=np.float32, **moved):
    """The oracle's parameters, as those of the chain."""
    tree = make_params(dtype, **moved)
    enc, dec, prior = tree["encoder"], tree["decoder"], tree["prior"]
    layer = lambda *leaves: dict(zip(("kernel", "bias", "log_scale"), leaves, strict=True))  # noqa: E731
    return {
        "encoder": {
            "1": layer(enc["A"], enc["c"], enc["log_scales"][0]),
            "2": layer(enc["d"], enc["e"], enc["log_scales"][1]),
        },
        "decoder": {
            "1": layer(dec["w"], dec["b"], dec["log_scale"]),
            "2": layer(prior["a"], jnp.zeros_like(prior["a"]), prior["log_scale"]),
        },
    }
