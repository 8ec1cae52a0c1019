"""Several latents, each given those drawn before it, as one distribution."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Self

import flax.struct
import jax
import jax.numpy as jnp

from vae_jax.calls import check_takes
from vae_jax.distributions.base import Distribution, Measure, common_measure
from vae_jax.types import Array, Event, Key

Layers = OrderedDict[str, Distribution]  # in the order of drawing; a dict would be sorted by jax
Draw = Callable[[str, Distribution], Event]  # what a program calls: its latent and what it is of


class Layered(Distribution):
    """Conditional distributions in a row; the event is a dict {name: z}.

        log p(z) = sum_l log p(z_l | z drawn before)

    A program says which, in the order of drawing, by calling `draw` for each latent; what it gets
    back is the latent, so that the next may depend on it. Two layers, p(z2) p(z1|z2):

        def program(given, draw):
            z2 = draw("z2", standard_gaussian(4))
            draw("z1", Gaussian(given["kernel"] @ z2, given["log_scale"]))

        prior = Layered({"kernel": kernel, "log_scale": log_scale}, program)

    All that is asked of it is one walk through the program, whose cost is linear in the layers.

    Args:
      given: what the program reads: weights, features, a condition, a key of dropout noise. They
        reach it as they are; each conditional promotes its own parameters.
      program: (given, draw) -> None. Made once: `jit` recognises it by identity.
    """

    given: Any
    program: Callable[[Any, Draw], None] = flax.struct.field(pytree_node=False)

    @property
    def reparameterized(self) -> bool:
        """True if every conditional is."""
        return all(self._static(lambda layer: layer.reparameterized).values())

    @property
    def base_measure(self) -> Measure:
        """The conditionals' one, or, where they differ, a dict of theirs."""
        measures = self._static(lambda layer: layer.base_measure)
        return common_measure({name: measures[name] for name in sorted(measures)})

    def draw(self, key: Key) -> tuple[Event, Layers, dict[str, Array]]:
        """One draw {name: z}; the conditionals it is of, in the order of drawing; and the
        log-density of each latent under its own, {name: [] nats}."""
        log_p: dict[str, Array] = {}

        def draw(name: str, layer: Distribution) -> Event:
            z, log_p[name] = layer.sample_and_log_prob(jax.random.fold_in(key, len(log_p)))
            return z

        z, layers = self._walk(draw)
        return z, layers, log_p

    def layers(self, z: Event) -> Layers:
        """The conditional of each latent at z {name: z}, in the order of drawing.

        Raises:
          ValueError: z is not a dict with the names of the latents.
        """
        check_names(z)
        _, layers = self._walk(lambda name, _: _named(z, name))
        if set(z) != set(layers):
            raise ValueError(
                f"Layered draws the latents {sorted(layers)}, and was given {sorted(z)}."
            )
        return layers

    def complete(self, known: Mapping[str, Event], key: Key | None = None) -> Event:
        """All latents {name: z}: those that are known, and the rest given those before them.

        Each of the rest is drawn from its conditional, or, without a key, is its mean. Nothing goes
        against the order of drawing: a latent is not told of known ones that come after it.

        Raises:
          ValueError: a name that is no latent's.
          TypeError: without a key, and a conditional has no mean.
        """
        check_names(known)
        number = iter(range(1 << 31))

        def draw(name: str, layer: Distribution) -> Event:
            own = next(number)
            if name in known:
                return known[name]
            return layer.mean() if key is None else layer.sample(jax.random.fold_in(key, own))

        z, _ = self._walk(draw)
        if not set(known) <= set(z):
            raise ValueError(f"Layered draws the latents {sorted(z)}; got {sorted(known)}.")
        return z

    def mean(self) -> Event:
        """The mean of each conditional, where those before it are at theirs, {name: z}.

        E[z] where the conditionals' means are affine in the latents before; elsewhere of the first
        latent alone.
        """
        return self.complete({})

    def in_support(self, value: Event) -> Array:
        """Every latent in the support of its conditional."""
        layers = self.layers(value)
        return jnp.all(jnp.stack([p.in_support(value[name]) for name, p in layers.items()]))

    def _sample(self, key: Key) -> Event:
        return self.draw(key)[0]

    def _log_prob(self, value: Event) -> Array:
        return total({name: p.log_prob(value[name]) for name, p in self.layers(value).items()})

    def _sample_and_log_prob(self, key: Key) -> tuple[Event, Array]:
        z, _, log_p = self.draw(key)
        return z, total(log_p)

    def _log_prob_factors(self, value: Event) -> Event:
        layers = self.layers(value)
        return {name: p.log_prob_factors(value[name]) for name, p in layers.items()}

    def _promoted(self) -> Self:
        return self  # weights are not parameters of a density

    def _walk(self, draw: Draw) -> tuple[Event, Layers]:
        z: dict[str, Event] = {}
        layers: Layers = OrderedDict()

        def record(name: str, layer: Distribution) -> Event:
            if name in layers:
                raise ValueError(f"Layered draws each latent once; {name!r} is drawn again.")
            if not isinstance(layer, Distribution):
                raise TypeError(
                    f"Layered draws {name!r} from a vae_jax Distribution; got"
                    f" {type(layer).__name__}."
                )
            layers[name] = layer
            z[name] = draw(name, layer)
            return z[name]

        check_takes("The program of a Layered", self.program, "given", "draw")
        self.program(self.given, record)
        if not layers:
            raise ValueError("Layered draws no latent: its program has to call draw(name, q).")
        return z, layers

    def _static(self, ask: Callable[[Distribution], Any]) -> dict[str, Any]:
        """What `ask` says of each conditional, without computing anything."""
        answers: dict[str, Any] = {}

        def run(layered: Layered, key: Key) -> Event:
            z, layers, _ = layered.draw(key)
            answers.update({name: ask(layer) for name, layer in layers.items()})
            return z

        jax.eval_shape(run, self, jax.eval_shape(jax.random.key, 0))
        return answers


def check_names(z: Any) -> None:
    """ValueError unless z is a dict of latents."""
    if not isinstance(z, Mapping):
        raise ValueError(
            f"The event of Layered is a dict {{name: z}} of its latents; got {type(z).__name__}."
        )


def total(log_p: Mapping[str, Array]) -> Array:
    """The sum over the latents, [] nats."""
    return jnp.sum(jnp.stack(list(log_p.values())))


def _named(z: Mapping[str, Event], name: str) -> Event:
    if name not in z:
        raise ValueError(f"Layered draws the latent {name!r}, and was given {sorted(z)}.")
    return z[name]
