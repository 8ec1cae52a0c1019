"""Training in one call: epochs, held-out scores, checkpoints, and when to stop.

    step = descend(weighted_sum(model), optax.adam(1e-3))
    fitted = fit(model, step, {"x": images}, key=jax.random.key(0), epochs=50)

It is a loop over `train_epoch` or `stream_epoch`, which those who want their own loop call.
"""

from vae_jax.fitting.fit import fit, held_out_bound
from vae_jax.fitting.records import Fitted, Progress

__all__ = ["Fitted", "Progress", "fit", "held_out_bound"]
