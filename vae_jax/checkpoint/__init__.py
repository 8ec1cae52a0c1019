"""Parameters and training states on disk, with Orbax: arrays and JSON, no code in them.

`save` and `load` keep one tree of parameters; `Checkpoints` the states of a run. Both notice files
that were damaged since, by a checksum of the numbers, and say so with the name of the folder.
"""

from vae_jax.checkpoint.checkpoints import Checkpoints, Restored
from vae_jax.checkpoint.params import load, save

__all__ = ["Checkpoints", "Restored", "load", "save"]
