"""Active units of each latent."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_gaussian import z_score
from two_layers import make_params, run

from vae_jax import VAE, Distribution, Gaussian, Joint, chain, evaluate, standard_gaussian, vae
from vae_jax.models import latents
from vae_jax.networks import MLP, BernoulliHead, GaussianHead, JointHead, Network

MODEL = VAE(None, None, None, None)._replace(trace=run)
PARAMS = make_params(width=3.0)
ENCODER = PARAMS["encoder"]


def three_layers():
    body = MLP((8,))
    heads = (BernoulliHead((5,)), GaussianHead((4,)), GaussianHead((3,)))
    encoders = [Network(body, GaussianHead((n,))) for n in (4, 3, 2)]
    return chain(encoders, [Network(body, head) for head in heads], standard_gaussian(2))


def test_active_units_of_each_layer():
    """E_q[z1|x] = A x + c and E_q[z2|x] = d (A x + c) + e, whose variances over x are known; of the
    second layer K draws know it to the noise of d z1, and that noise's own variance is taken off.
    """
    x = np.random.default_rng(0).normal(size=(40, 3)) * 0.05  # the draws' noise is the larger part
    first = np.var(x @ np.asarray(ENCODER["A"]), ddof=1)
    expected = (first, float(ENCODER["d"]) ** 2 * first)
    data = {"x": x.astype(np.float32)}

    def variances(seed):
        key = jax.random.key(seed)
        units = evaluate.active_units(MODEL, PARAMS, key, data, num_samples=3)
        return [units[name].variance[0] for name in ("z1", "z2")]

    found = np.array([variances(seed) for seed in range(100)])  # [n, 2]
    np.testing.assert_allclose(found[:, 0], expected[0], rtol=1e-4)
    assert abs(z_score(found[:, 1], expected[1])) < 4.5
    noise = float(ENCODER["d"]) ** 2 * np.exp(2 * float(ENCODER["log_scales"][0]))
    error = found[:, 1].std() / 10
    assert noise / 3 > 10 * error  # left in, it would be seen


def test_active_units_are_counted_above_the_threshold(key):
    data, model = {"x": np.eye(5, dtype=np.float32)}, three_layers()
    params = jax.jit(model.init)(key, data["x"][0])
    units = evaluate.active_units(model, params, key, data, threshold=-1.0, batch_size=2)
    assert {name: unit.number for name, unit in units.items()} == {"z1": 4, "z2": 3, "z3": 2}
    assert [(unit.threshold, unit.num_examples) for unit in units.values()] == [(-1.0, 5)] * 3
    means = evaluate.posterior_means(model, params, data)["z1"]  # it has no noise
    np.testing.assert_allclose(units["z1"].variance, np.var(means, axis=0, ddof=1), rtol=1e-4)
    none = evaluate.active_units(model, params, key, data, threshold=1e3)
    assert [unit.number for unit in none.values()] == [0, 0, 0]
    with pytest.raises(ValueError, match="need two examples at least; got 1"):
        evaluate.active_units(model, params, key, {"x": data["x"][:1]})
    with pytest.raises(ValueError, match="noise of 1 draw is unknown"):
        evaluate.active_units(model, params, key, data, num_samples=1)


def test_latents_side_by_side_are_counted_each(key):
    """A posterior that is a `Joint` of a dict; one part of two kinds."""
    parts = {"a": GaussianHead((3,)), "b": GaussianHead((2,))}
    decoder = Network(MLP((4,)), BernoulliHead((5,)), preprocess=lambda z: z["a"])
    prior = Joint({"a": standard_gaussian(3), "b": standard_gaussian(2)})
    model = vae(Network(MLP((4,)), JointHead(parts)), decoder, prior)
    data = {"x": np.eye(5, dtype=np.float32)}
    units = evaluate.active_units(model, model.init(key, data["x"][0]), key, data, threshold=-1.0)
    assert {name: unit.number for name, unit in units.items()} == {"a": 3, "b": 2}
    both = Joint({"a": (standard_gaussian(3), standard_gaussian()), "b": standard_gaussian(2)})
    assert type(latents(both)["a"]) is Joint


def test_of_a_posterior_without_a_mean_the_noise_of_the_draws_is_taken_off():
    """As of a flow: z ~ N(x, 1), of which every draw has a variance of 1."""

    class Flow(Gaussian):
        def mean(self):
            return Distribution.mean(self)

    scale = np.linspace(0.0, 0.5, 3, dtype=np.float32)
    model = VAE(
        init=None,
        encode=lambda params, x, c=None, key=None: Flow(x * scale, jnp.zeros(3)),
        decode=lambda params, z, c=None, key=None: Gaussian(z, jnp.zeros(3)),
        prior=lambda params, c=None, key=None: standard_gaussian(3),
    )
    x = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    found = np.array(
        [
            evaluate.active_units(model, {}, jax.random.key(seed), {"x": x}, num_samples=4)[
                "z"
            ].variance
            for seed in range(60)
        ]
    )
    for unit, expected in enumerate(np.var(x * scale, axis=0, ddof=1)):
        assert abs(z_score(found[:, unit], expected)) < 4.5
