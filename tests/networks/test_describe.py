"""The description of a model, line by line."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from vae_jax.distributions import Joint, standard_gaussian
from vae_jax.networks import MLP, BernoulliHead, GaussianHead, JointHead, Network, describe, one_hot


class Model(NamedTuple):
    init: Callable
    encode: Callable
    decode: Callable
    prior: Callable


def model(encoder, decoder, prior, z, **more):
    def init(key, x, c=None):
        groups = {"encoder": encoder.init(key, x, c), "decoder": decoder.init(key, z, c)}
        return {name: group["params"] for name, group in groups.items()} | more

    return Model(
        init,
        lambda params, x, c=None, key=None: encoder.apply({"params": params["encoder"]}, x, c),
        lambda params, z, c=None, key=None: decoder.apply({"params": params["decoder"]}, z, c),
        lambda params, c=None, key=None: prior,
    )


def test_every_parameter_every_total_and_the_way_of_an_example():
    encoder = Network(MLP((1000,)), GaussianHead((2,)))
    decoder = Network(MLP((3,)), BernoulliHead((2, 2, 1)))
    text = describe(model(encoder, decoder, standard_gaussian(2), jnp.ones(2)), jnp.ones((2, 2, 1)))
    assert text == (
        "path                                 shape     parameters\n"
        "encoder/body/Dense_0/bias            [1000]         1,000\n"
        "encoder/body/Dense_0/kernel          [4,1000]       4,000\n"
        "encoder/head/loc/bias                [2]                2\n"
        "encoder/head/loc/kernel              [1000,2]       2,000\n"
        "encoder/head/scale/log_scale/bias    [2]                2\n"
        "encoder/head/scale/log_scale/kernel  [1000,2]       2,000\n"
        "encoder                                             9,004\n"
        "decoder/body/Dense_0/bias            [3]                3\n"
        "decoder/body/Dense_0/kernel          [2,3]              6\n"
        "decoder/head/logits/bias             [4]                4\n"
        "decoder/head/logits/kernel           [3,4]             12\n"
        "decoder                                                25\n"
        "total                                               9,029\n"
        "\n"
        "x [2,2,1] -> q(z|x): Gaussian over [2] -> p(x|z): Bernoulli over [2,2,1]\n"
        "p(z): Gaussian over [2]"
    )


def test_a_condition_several_latents_and_groups_of_other_names():
    encoder = Network(MLP((3,)), JointHead((GaussianHead((2,)), GaussianHead((5,)))), one_hot(10))
    decoder = Network(MLP((3,)), BernoulliHead((4,)), one_hot(10))
    prior = Joint((standard_gaussian(2), standard_gaussian(5)))
    conditional = model(
        encoder, decoder, prior, (jnp.ones(2), jnp.ones(5)), temperature=jnp.ones(())
    )
    lines = describe(conditional, jnp.ones(4), jnp.array(3)).splitlines()
    assert lines[-3:] == [
        "c []",
        "x [4] -> q(z|x,c): Joint over 0 [2], 1 [5] -> p(x|z,c): Bernoulli over [4]",
        "p(z|c): Joint over 0 [2], 1 [5]",
    ]
    names = [line.split()[0] for line in lines if line and "/" not in line.split()[0]]
    assert names[:4] == ["path", "encoder", "decoder", "temperature"]


def test_nothing_is_computed():
    """A model of 4 TB is described from shapes alone."""
    wide = Network(MLP((10**6, 10**6)), GaussianHead((2,)))
    decoder = Network(MLP((3,)), BernoulliHead((4,)))
    huge = model(wide, decoder, standard_gaussian(2), jnp.ones(2))
    text = describe(huge, jax.ShapeDtypeStruct((4,), jnp.float32))
    assert "1,000,000,000,000" in text
