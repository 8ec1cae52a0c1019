"""Looking at a model: samples, reconstructions, traversals.

`draw=False` gives the mean of the last distribution, p(x|z), which is smooth and is not a sample;
`draw=True` draws x from it. A likelihood without a mean (Categorical) can only be drawn.
"""

import jax
import jax.numpy as jnp

from vae_jax.model import VAE
from vae_jax.types import Array, Event, Key, Params


def sample(
    model: VAE, params: Params, key: Key, num: int, c: Event = None, *, draw: bool = False
) -> Event:
    """`num` new examples: z ~ p(z|c), then x ~ p(x|z,c) (draw) or its mean.

    Args:
      c: one condition for each sample, [num, ...], or None.

    Returns:
      [num, ...].
    """

    def one(key: Key, c: Event) -> Event:
        z_key, x_key = jax.random.split(key)
        z = model.prior(params, c).sample(z_key)
        return _read(model, params, x_key, z, c, draw)

    return jax.vmap(one)(jax.random.split(key, num), c)


def reconstruct(
    model: VAE, params: Params, key: Key, x: Event, c: Event = None, *, draw: bool = False
) -> Event:
    """What the model makes of x [N, ...]: z ~ q(z|x,c), x' ~ p(x|z,c) (draw), or both means.

    Returns:
      [N, ...].
    """

    def one(key: Key, x: Event, c: Event) -> Event:
        z_key, x_key = jax.random.split(key)
        q = model.encode(params, x, c)
        z = q.sample(z_key) if draw else q.mean()
        return _read(model, params, x_key, z, c, draw)

    num = jax.tree.leaves(x)[0].shape[0]
    return jax.vmap(one)(jax.random.split(key, num), x, c)


def traverse(
    model: VAE, params: Params, z: Array, dimension: int, values: Array, c: Event = None
) -> Event:
    """The mean of p(x|z,c) as one latent dimension runs through `values`, the others as in z [D].

    Returns:
      [len(values), ...].
    """
    if not 0 <= dimension < z.size:
        raise ValueError(f"dimension must be in 0 .. {z.size - 1}; got {dimension}.")
    return jax.vmap(lambda v: model.decode(params, z.at[dimension].set(v), c).mean())(
        jnp.asarray(values)
    )


def _read(model: VAE, params: Params, key: Key, z: Event, c: Event, draw: bool) -> Event:
    likelihood = model.decode(params, z, c)
    return likelihood.sample(key) if draw else likelihood.mean()
