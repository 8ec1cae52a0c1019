"""From integer intensities to what a likelihood is a density of.

A preparation is `prepare(key, example) -> example`, for one example {"x": ..., "c": ...} (without
"c" where there is no condition): map over a batch with `jax.vmap` and one key per example, inside
jit. It has the whole example, so that a condition can be drawn anew at every step, such as a mask:

    def prepare(key, example):
        mask = jax.random.bernoulli(key, 0.5, example["x"].shape)
        return {"x": example["x"], "c": mask}

Each factory here prepares x, integers 0 .. max_value, and leaves c as it is; where x is a tuple or
dict of arrays, each of them, by a key of its own. The same argument gives the same function object,
so that nothing is compiled twice.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from vae_jax.calls import check_takes
from vae_jax.types import Array, Batch, Event, Key

Example = dict[str, Event]  # {"x": ..., "c": ...}; "c" may be missing
Prepare = Callable[[Key, Example], Example]  # one example

_BITS = 22  # of a float32's 24: one for the middle of the interval, one for the division's rounding


@functools.cache
def binarise(max_value: float) -> Prepare:
    """Draw each pixel as 0 or 1.

        P(b_d = 1 | x) = x_d / max_value

    A new draw at every step is a model of the intensities' binary samples ("dynamic
    binarisation"); for numbers to compare, draw once (`prepare_fixed`) or use `static_mnist`.

    Args:
      max_value: the largest intensity, of which a pixel is surely 1: `Dataset.max_value`.

    Returns:
      (key, example) -> example, its x float32 of 0 and 1, the shape it had.

    Reference: Salakhutdinov and Murray 2008, On the quantitative analysis of deep belief networks.
    """
    _check_positive("binarise", max_value)

    def pixels(key: Key, x: Array) -> Array:
        return jax.random.bernoulli(key, _fraction(x, max_value)).astype(jnp.float32)

    return _of_x(pixels)


@functools.cache
def dequantise(max_value: int) -> Prepare:
    """Fill each intensity's interval with uniform noise, and scale to the unit interval.

        y = (x + u) / (max_value + 1),    u_d ~ Uniform[0, 1)

    A density p of y in [0, 1)^D then bounds the probability of the integers: with P(x) the mass of
    p on the cell of x, by Jensen and the change of units,

        log P(x) >= E_u[log p(y)] - D log(max_value + 1)      (nats)

    Reference: Theis, van den Oord, Bethge 2016, arXiv 1511.01844, section 3.1.
    Departure: u is uniform over the middles of 2^b equal parts of [0, 1), b = 14 for 8-bit data,
    such that x + u is exact in float32. Plain float32 noise rounds x + u up to x + 1, and y up to
    1, once in 10^5 pixels of intensity 255.

    Args:
      max_value: the largest intensity, an integer in 1 .. 65535.

    Returns:
      (key, example) -> example, its x float32 in (0, 1), the shape it had, such that
      floor(y (max_value + 1)) is what it was.
    """
    if not 1 <= max_value <= 65535 or int(max_value) != max_value:
        raise ValueError(
            f"dequantise was given max_value={max_value}, and needs the largest intensity, an"
            " integer in 1 .. 65535. Data that is continuous already needs no noise."
        )
    parts = 1 << (_BITS - int(max_value).bit_length())

    def pixels(key: Key, x: Array) -> Array:
        part = jax.random.randint(key, jnp.shape(x), 0, parts)
        u = (part.astype(jnp.float32) + 0.5) / parts
        return (jnp.asarray(x, jnp.float32) + u) / (max_value + 1)

    return _of_x(pixels)


@functools.cache
def scale(max_value: float) -> Prepare:
    """y = x / max_value, in [0, 1]; the key is not used.

    What a Gaussian likelihood of fixed variance is often given. The values are still discrete, so
    its density is no bound on the probability of the integers: `dequantise` gives one.

    Args:
      max_value: the largest intensity.

    Returns:
      (key, example) -> example, its x float32, the shape it had.
    """
    _check_positive("scale", max_value)

    def pixels(key: Key, x: Array) -> Array:
        del key
        return _fraction(x, max_value)

    return _of_x(pixels)


def check_prepare(prepare: Prepare) -> None:
    """TypeError unless it is a function of a key and an example."""
    hint = 'An example is {"x": ..., "c": ...}, without "c" where there is no condition.'
    check_takes("prepare", prepare, "key", "example", hint=hint)


def prepare_fixed(prepare: Prepare, key: Key, examples: Batch) -> Batch:
    """Prepare all examples once: the fixed copy that evaluation reads.

    Args:
      prepare: (key, example) -> example.
      key: split into one key per example.
      examples: {"x": [N, ...], "c": [N, ...]}.

    Returns:
      The prepared examples, [N, ...].

    Raises:
      TypeError: `prepare` is no function of these; `examples` is no dict with "x".
      ValueError: there is no example.
    """
    check_prepare(prepare)
    if not isinstance(examples, dict) or "x" not in examples:
        raise TypeError(
            'prepare_fixed takes a dict of examples, {"x": [N, ...]}, with "c" for conditions; got'
            f" {sorted(examples) if isinstance(examples, dict) else type(examples).__name__}."
        )
    examples = jax.tree.map(jnp.asarray, examples)
    shapes = [leaf.shape for leaf in jax.tree.leaves(examples)]
    if any(shape[:1] in ((), (0,)) for shape in shapes):
        raise ValueError(
            f"prepare_fixed was given arrays of shapes {shapes} and needs [N, ...] with N >= 1; one"
            " example is prepared by prepare(key, example)."
        )
    return jax.vmap(prepare)(jax.random.split(key, shapes[0][0]), examples)


def _of_x(pixels: Callable[[Key, Array], Array]) -> Prepare:
    """Every array of x through one function: a lone one by the key, of several each by its own."""

    def prepare(key: Key, example: Example) -> Example:
        leaves, tree = jax.tree.flatten(example["x"])
        keys = [key] if len(leaves) == 1 else list(jax.random.split(key, len(leaves)))
        made = [pixels(k, leaf) for k, leaf in zip(keys, leaves, strict=True)]
        return {**example, "x": jax.tree.unflatten(tree, made)}

    return prepare


def _fraction(x: Array, max_value: float) -> Array:
    return jnp.asarray(x, jnp.float32) / max_value


def _check_positive(name: str, max_value: float) -> None:
    if not max_value > 0:
        raise ValueError(
            f"{name} was given max_value={max_value}, and needs the largest intensity, > 0:"
            " `Dataset.max_value`, e.g. 255."
        )
