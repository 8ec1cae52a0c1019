"""The head of a decoder that makes one value after the other."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from vae_jax.distributions import Autoregressive, Distribution, Steps
from vae_jax.networks.programs import Program, opened
from vae_jax.types import Array, Event


class AutoregressiveHead(nn.Module):
    """Features to an array each of whose values is drawn given those before it.

        AutoregressiveHead(CausalTransformer(T, 64), CategoricalHead((T,), K), one_hot(K))
        AutoregressiveHead(GatedPixelCNN(32, 5), BernoulliHead((28, 28, 1)))

    Args:
      network: causal, (features, x) -> a feature map [*places, F], which at each place is told x
        before it. It says `axes`, how many axes of x are those of places; and `stepwise`, whether
        it has `begin(features, x)`, of any x, and `step(features, carried, x, place)` -> what is
        carried on, and the features [F] of one place, for draws whose cost is that of one pass.
      head: the feature map -> the conditionals, over [*event_shape]: `BernoulliHead`,
        `CategoricalHead`, `GaussianHead`, or another that has an `event_shape`.
      preprocess: x -> what the network reads, as in `Network`.
    """

    network: Any
    head: Any
    preprocess: Callable[[Event], Event] | None = None

    def __call__(self, features: Array) -> Autoregressive:
        """Autoregressive over [*event_shape]. Dropout is of a key that it then holds."""
        shape = self.head.event_shape
        if self.is_initializing():
            self.conditionals(features, jnp.zeros(shape, int))
        unbound, given = opened(self, features)
        program, steps = Program(unbound, "conditionals"), None
        if self.network.stepwise and given["noise"] is None:  # noise is of the shapes of a pass
            steps = Steps(Program(unbound, "begin"), Program(unbound, "advance"))
        return Autoregressive(given, program, shape, self.network.axes, steps)

    def conditionals(self, features: Array, x: Array) -> Distribution:
        """Of all places, given x."""
        return self.head(self.network(features, self._read(x)))

    def begin(self, features: Array) -> Any:
        """What is carried through a draw."""
        return self.network.begin(features, self._read(jnp.zeros(self.head.event_shape, int)))

    def advance(
        self, features: Array, carried: Any, x: Array, place: Array
    ) -> tuple[Any, Distribution]:
        """What is carried on, and conditionals of which that of `place` counts."""
        carried, own = self.network.step(features, carried, self._read(x), place)
        places = x.shape[: self.network.axes]
        feature_map = jnp.zeros((*places, *own.shape), own.dtype)
        return carried, self.head(feature_map.at[jnp.unravel_index(place, places)].set(own))

    def _read(self, x: Array) -> Array:
        return x if self.preprocess is None else self.preprocess(x)
