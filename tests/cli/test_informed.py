"""What z tells of the example, among the scores of a run whose model has a condition."""

import jax
import jax.numpy as jnp
import numpy as np
from tiny_runs import read

from vae_jax import VAE, Gaussian, evaluate, flows, standard_gaussian
from vae_jax.distributions import Flowed
from vae_jax.runs import scores

KEY = jax.random.key(0)
TEST = {"x": np.linspace(-1, 1, 6, dtype=np.float32)[:, None], "c": np.array([0, 1] * 3)}


def of(prior):
    def encode(params, x, c, key=None):
        return Gaussian(x + c, jnp.log(0.1))

    return VAE(None, encode, encode, lambda params, c=None, key=None: prior(c))


def test_a_run_with_labels_is_told_it(conditional):
    found = read(conditional.folder, "evaluation.json")["mutual_information"]
    assert found["images"] == len(conditional.experiment.examples.load().test["c"])
    assert 0 < found["value"] < np.log(found["images"])


def test_under_one_prior_it_is_that_of_the_pair():
    model = of(lambda c: standard_gaussian(1))
    found = scores._mutual_information(model, {}, KEY, TEST)["mutual_information"]
    expected = evaluate.mutual_information(model, {}, KEY, TEST)
    assert (found["value"], found["marginal_kl"]) == (expected.value, expected.marginal_kl)


def test_under_a_prior_for_each_condition_there_is_none():
    model = of(lambda c: Gaussian(jnp.ones(1) * c, jnp.zeros(())))
    assert scores._mutual_information(model, {}, KEY, TEST) == {}


def test_of_a_flow_it_is_among_fewer_examples(monkeypatch):
    """Each pair of them is a pass of its inverse."""
    monkeypatch.setattr(scores, "_INFORMED_BY_PASSES", 4)
    plain = of(lambda c: standard_gaussian(1))

    def encode(params, x, c, key=None):
        return Flowed(Gaussian(x, jnp.log(0.1)), flows.Affine(jnp.ones(1), jnp.zeros(1)))

    of_flow = plain._replace(encode=encode)
    found = [scores._mutual_information(model, {}, KEY, TEST) for model in (plain, of_flow)]
    assert [each["mutual_information"]["images"] for each in found] == [6, 4]
