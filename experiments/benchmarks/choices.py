"""What was measured to decide how densities, convolutions and epochs are written: docs/design.md.

python -m experiments.benchmarks.choices
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import tyro
from flax import linen as nn

from experiments.benchmarks.results import save
from vae_jax.distributions import Bernoulli
from vae_jax.networks.products import ConvTranspose
from vae_jax.types import Array, Params

_ROUNDS = 9


def ratio(slow: Callable[[], Array], fast: Callable[[], Array], rounds: int = _ROUNDS) -> float:
    """The median over rounds of time(slow) / time(fast), the two in turn, after one warm-up."""
    jax.block_until_ready((slow(), fast()))
    return statistics.median(_seconds(slow) / _seconds(fast) for _ in range(rounds))


def channel_axis(images: int = 5000) -> tuple[Callable[[], Array], Callable[[], Array]]:
    """The Bernoulli density written over [28, 28, 1], and over the same pixels as a vector."""
    features, kernel, x = _last_layer(images)

    def over_image(logits: Array) -> Array:
        return _two_sided(x.reshape(28, 28, 1), logits.reshape(28, 28, 1))

    return _scored(over_image, features, kernel), _scored(
        lambda logits: _two_sided(x, logits), features, kernel
    )


def softplus_form(images: int = 5000) -> tuple[Callable[[], Array], Callable[[], Array]]:
    """x l - softplus(l), and the Bernoulli of this library; with no matrix product in the way."""
    features, kernel, x = _last_layer(images)
    logits = features @ kernel
    usual = jax.jit(jax.vmap(lambda row: jnp.sum(x * row - jax.nn.softplus(row))))
    ours = jax.jit(jax.vmap(lambda row: Bernoulli(row).log_prob(x)))
    return lambda: usual(logits), lambda: ours(logits)


def density_gradient(images: int = 1000) -> tuple[Callable[[], Params], Callable[[], Params]]:
    """The gradient of a bound, the Bernoulli's derived from maxima, and given by hand."""
    features, kernel, x = _last_layer(images)

    def gradient(log_prob: Callable[[Array], Array]) -> Callable[[], Params]:
        def bound(features: Array, kernel: Array) -> Array:
            return jax.nn.logsumexp(jax.vmap(log_prob)(features @ kernel))

        compiled = jax.jit(jax.grad(bound, argnums=(0, 1)))
        return lambda: compiled(features, kernel)

    return gradient(lambda row: _two_sided(x, row)), gradient(
        lambda row: Bernoulli(row).log_prob(x)
    )


def convolution_in_a_scan(
    images: int = 100, steps: int = 3
) -> tuple[Callable[[], Array], Callable[[], Array]]:
    """`steps` gradient steps of two `nn.Conv` of stride 2: in a compiled loop, and one by one."""
    first, second = (nn.Conv(features, (4, 4), strides=(2, 2)) for features in (32, 64))
    body = nn.Sequential([first, nn.relu, second, nn.relu])
    x = jax.random.normal(jax.random.key(0), (images, 28, 28, 1))
    params = body.init(jax.random.key(1), x[0])

    def step(params: Params) -> Params:
        gradient = jax.grad(lambda p: jnp.sum(jax.vmap(lambda x: body.apply(p, x))(x)))(params)  # type: ignore[arg-type]
        return jax.tree.map(lambda p, g: p - 1e-6 * g, params, gradient)

    scanned = jax.jit(lambda p: jax.lax.scan(lambda p, _: (step(p), None), p, length=steps)[0])
    compiled = jax.jit(step)

    def one_by_one() -> Params:
        state = params
        for _ in range(steps):
            state = compiled(state)
        return state

    return lambda: scanned(params), one_by_one


def convolution_gradient(
    images: int = 100,
) -> tuple[Callable[[], Params], Callable[[], Params]]:
    """The gradient of a transposed convolution: of `nn.ConvTranspose`, and of a matrix product."""
    x = jax.random.normal(jax.random.key(0), (images, 14, 14, 64))
    ours = ConvTranspose(32, (4, 4), stride=2)
    params = ours.init(jax.random.key(1), x[0])
    native = nn.ConvTranspose(32, (4, 4), strides=(2, 2))
    return _gradient(native, params, x), _gradient(ours, params, x)


def main(out: Path = Path("results/choices.json")) -> None:
    """Print the ratios.

    Args:
      out: File of all of them.
    """
    print(f"{jax.devices()[0]}, jax {jax.__version__}, medians of {_ROUNDS}")
    ratios = {}
    for measured in MEASURED:
        ratios[measured.__name__] = ratio(*measured())
        print(f"{ratios[measured.__name__]:5.1f}  {measured.__doc__}", flush=True)
    save(out, "choices", {"ratios": ratios})


def _seconds(run: Callable[[], Array]) -> float:
    start = time.perf_counter()
    jax.block_until_ready(run())
    return time.perf_counter() - start


def _gradient(layer: nn.Module, params: Params, x: Array) -> Callable[[], Params]:
    def loss(params: Params, x: Array) -> Array:
        return jnp.sum(jnp.square(jax.vmap(lambda x: layer.apply(params, x))(x)))  # type: ignore[arg-type]

    compiled = jax.jit(jax.grad(loss, argnums=(0, 1)))
    return lambda: compiled(params, x)


def _last_layer(images: int) -> tuple[Array, Array, Array]:
    keys = jax.random.split(jax.random.key(0), 3)
    features = jax.random.normal(keys[0], (images, 200))
    kernel = 0.1 * jax.random.normal(keys[1], (200, 784))
    return features, kernel, jax.random.bernoulli(keys[2], 0.5, (784,)).astype(jnp.float32)


def _two_sided(x: Array, logits: Array) -> Array:
    surprise = x * jnp.maximum(-logits, 0) + (1 - x) * jnp.maximum(logits, 0)
    return -jnp.sum(surprise + jnp.log1p(jnp.exp(-jnp.maximum(logits, -logits))))


def _scored(
    log_prob: Callable[[Array], Array], features: Array, kernel: Array
) -> Callable[[], Array]:
    compiled = jax.jit(jax.vmap(lambda row: log_prob(row @ kernel)))
    return lambda: compiled(features)


MEASURED = (
    channel_axis,
    softplus_form,
    density_gradient,
    convolution_gradient,
    convolution_in_a_scan,
)

if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m experiments.benchmarks.choices"))
