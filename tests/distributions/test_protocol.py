"""What a distribution says of itself: factors, base measure, the log-density of a draw."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from every import EVERY, LAYERED, OF_CODES, downward, every, gaussian, normal

from vae_jax import elbo, iwae, kl, log_likelihood, sampled_elbo, standard_gaussian
from vae_jax.distributions import (
    Bernoulli,
    Delta,
    Distribution,
    Flowed,
    Gaussian,
    Joint,
    Layered,
    Mixture,
)
from vae_jax.flows import Planar

# name: (base measure, whether its factors are independent); elsewhere volume, and not
SAID = {
    "gaussian": ("volume", True),
    "gaussian-scalar": ("volume", True),
    "gaussian-shared-scale": ("volume", True),
    "gaussian-empty": ("volume", True),
    "laplace": ("volume", True),
    "bernoulli": ("counts", True),
    "continuous-bernoulli": ("volume", True),
    "beta": ("volume", True),
    "categorical": ("counts", True),
    "logistic": ("counts", True),
    "logistic-mixture": ("counts", True),
    "colours": ("counts", True),
    "poisson": ("counts", True),
    "negative-binomial": ("counts", True),
    "zinb": ("counts", True),
    "delta": ("point", True),
    "mixture-bernoulli": ("counts", False),
    "mixture-joint": ({"label": "counts", "z": ("volume", "counts")}, False),
    "joint-tuple": (("volume", "point"), True),
    "masked": ("volume", True),
    "masked-joint": ({"label": "counts", "z": ("volume", "counts")}, True),
    "joint-dict": ({"label": "counts", "z": ("volume", "counts")}, True),
    "autoregressive": ("counts", False),
    "one-hot": ("counts", True),
    "straight-through": ("counts", True),
    "relaxed-one-hot": ("logarithms of a simplex", True),
    "von-mises-fisher": ("sphere", False),
    "power-spherical": ("sphere", False),
    "uniform-sphere": ("sphere", False),
    "wrapped-normal": ("the Poincare ball of curvature -1", False),
    "riemannian-normal": ("the Poincare ball of curvature -1", False),
    **dict.fromkeys((name for name in OF_CODES if name != "uniform-sphere"), ("counts", False)),
    "coded": ("counts", False),
}
WITHOUT_FACTORS = (
    "mixture-",
    "exemplars",
    "full-gaussian",
    "foreign-mvn",
    "flowed",
    "planar",
    "quantised",
    "coded",
    "uniform-",
    "von-mises-fisher",
    "power-spherical",
    "wrapped-normal",
    "riemannian-normal",
)


@pytest.mark.parametrize(("name", "q"), [row[:2] for row in EVERY], ids=[row[0] for row in EVERY])
def test_base_measure_and_independence(name, q):
    assert (q.base_measure, q.independent) == SAID.get(name, ("volume", False))


@every
def test_a_draw_is_that_of_sample(q, key):
    value, _ = q.sample_and_log_prob(key)
    jax.tree.map(np.testing.assert_array_equal, value, q.sample(key))


@pytest.mark.parametrize(("name", "q"), [row[:2] for row in EVERY], ids=[row[0] for row in EVERY])
def test_factors_sum_to_the_log_density(name, q, key):
    value = q.sample(key)
    if name.startswith(WITHOUT_FACTORS):
        with pytest.raises(TypeError, match=r"not a sum over dimensions|it has no factors"):
            q.log_prob_factors(value)
        return
    factors = q.log_prob_factors(value)

    def leading(part, x):
        assert jnp.shape(part) == jnp.shape(x)[: jnp.ndim(part)]

    jax.tree.map(leading, factors, value)
    total = sum(jnp.sum(part) for part in jax.tree.leaves(factors))
    np.testing.assert_allclose(total, q.log_prob(value), rtol=6e-6, atol=6e-6)


def test_factors_outside_of_the_support_are_minus_infinity():
    x = jnp.array([1.0, 0.5])
    np.testing.assert_array_equal(Bernoulli(jnp.zeros(2)).log_prob_factors(x)[1], -np.inf)
    np.testing.assert_array_equal(Delta(jnp.ones(2)).log_prob_factors(x), [0, -np.inf])


def test_a_gaussian_scores_its_noise(key):
    """Beside a loc of 1 to 3 the draw keeps but a digit of the noise: rescored, it is nats off."""
    q = Gaussian(jnp.linspace(1.0, 3.0, 50), jnp.full(50, -16.0))
    noise = np.float64(jax.random.normal(key, (50,)))
    exact = np.sum(-0.5 * noise**2 + 16 - 0.5 * np.log(2 * np.pi))
    value, log_q = q.sample_and_log_prob(key)
    np.testing.assert_allclose(log_q, exact, rtol=1e-6)
    assert abs(q.log_prob(value) - exact) > 0.5


def test_the_gradient_of_a_scored_draw_is_that_of_its_value(x64, key):
    """d/d theta log q_theta(z_theta): the score and the path, whichever way the number is had."""
    q = Gaussian(jnp.array([0.3, -1.0]), jnp.array([0.2, -0.7]))
    drawn = jax.grad(lambda q: q.sample_and_log_prob(key)[1])(q)
    rescored = jax.grad(lambda q: q.log_prob(q.sample(key)))(q)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-12), drawn, rescored)


def test_a_planar_flow_knows_its_draws_alone(key):
    """log q = log N(e) - log |dz/de|; and what asks for another value is refused."""
    flow = Planar(normal(2), normal(2, seed=1), jnp.array(0.3))
    q = Flowed(gaussian(2), flow)
    e, log_e = q.base.sample_and_log_prob(key)
    z, log_q = q.sample_and_log_prob(key)
    expected, log_det = flow.forward_and_log_det(e)
    np.testing.assert_array_equal(z, expected)
    np.testing.assert_allclose(log_q, log_e - log_det, rtol=1e-6)
    message = "knows log q of what it draws.*score_free.*leave them out"
    arguments = key, jnp.zeros(2), lambda x: q, lambda z: standard_gaussian(2), standard_gaussian(2)
    assert np.isfinite(sampled_elbo(*arguments).value)
    assert np.isfinite(iwae(*arguments, num_samples=3))
    for refused in (
        lambda: q.log_prob(z),
        lambda: sampled_elbo(*arguments, score_free=True),
        lambda: iwae(*arguments, num_samples=2, score_free=True),
    ):
        with pytest.raises(TypeError, match=message):
            refused()


def test_a_draw_whose_density_is_not_summed_is_refused(key):
    class Unsummed(Gaussian):
        def _sample_and_log_prob(self, key):
            return self.loc, self.loc

    with pytest.raises(
        ValueError, match=r"_sample_and_log_prob returned shape \(2,\): it must sum"
    ):
        Unsummed(jnp.ones(2), jnp.ones(2)).sample_and_log_prob(key)


class Uniform(Distribution):
    """On the unit sphere."""

    loc: jax.Array
    reparameterized = False
    base_measure = "sphere"

    def _sample(self, key):
        e = jax.random.normal(key, self.loc.shape)
        return e / jnp.linalg.norm(e)

    def _log_prob(self, value):
        return -jnp.log(4 * jnp.pi)


@pytest.mark.parametrize("bound", [elbo, sampled_elbo], ids=["elbo", "sampled_elbo"])
def test_densities_of_different_measures_are_refused(bound, key):
    """A Gaussian's nats less those of a uniform on the sphere are no rate, but a number."""
    x, decode = jnp.zeros(3), lambda z: standard_gaussian(3)
    message = "Gaussian, has a density of 'volume', the prior, Uniform, one of 'sphere'"
    with pytest.raises(ValueError, match=message):
        bound(key, x, lambda x: standard_gaussian(3), decode, Uniform(x))
    log_joint = sampled_elbo(key, x, Delta, decode, standard_gaussian(3)).value
    np.testing.assert_allclose(log_joint, 2 * standard_gaussian(3).log_prob(x))  # no bound: a MAP


SPHERE = Uniform(jnp.ones(3))
GAUSSIANS = Joint((standard_gaussian(2), standard_gaussian(3)))


def mixed(first, second):
    return Mixture(jnp.zeros(2), jax.tree.map(lambda a: jnp.stack([a, a]), Joint((first, second))))


@pytest.mark.parametrize(
    "prior", [GAUSSIANS, mixed(standard_gaussian(2), standard_gaussian(3))], ids=["joint", "mixed"]
)
def test_a_delta_may_be_one_of_several_parts(prior, key):
    """Its part has the log joint; the others have a rate."""
    x, loc, point = jnp.zeros(3), jnp.array([0.5, -0.5]), jnp.arange(3.0)

    def encode(x):
        return Joint((Gaussian(loc, jnp.full(2, -12.0)), Delta(point)))

    bound = sampled_elbo(key, x, encode, lambda z: standard_gaussian(3), prior)
    (z, _), log_q = encode(x).sample_and_log_prob(jax.random.fold_in(key, 0))
    np.testing.assert_allclose(bound.rate, log_q - prior.log_prob((z, point)), rtol=1e-5)


@pytest.mark.parametrize(
    ("q", "prior"),
    [
        (Joint((standard_gaussian(2), SPHERE)), GAUSSIANS),
        (Joint((Delta(jnp.ones(2)), SPHERE)), GAUSSIANS),
        (GAUSSIANS, Joint((standard_gaussian(2), SPHERE))),
        (GAUSSIANS, mixed(standard_gaussian(2), SPHERE)),
        (GAUSSIANS, Joint((standard_gaussian(2), Delta(jnp.ones(3))))),
        (Joint((standard_gaussian(2), SPHERE)), Joint((Delta(jnp.ones(2)), SPHERE))),
    ],
)
def test_the_other_parts_are_compared_all_the_same(q, prior, key):
    with pytest.raises(ValueError, match=r"has a density of .* no number of nats"):
        log_likelihood(
            *(key, jnp.zeros(3), lambda x: q, lambda z: standard_gaussian(3), prior), num_samples=2
        )


def test_a_delta_may_be_one_of_several_layers(key):
    """Of a Layered posterior, under a Layered prior."""

    def point_below(given, draw):
        draw("below", Delta(2 * draw("top", Gaussian(given, jnp.zeros(())))))

    def program(given, draw):
        draw("below", Gaussian(draw("top", Gaussian(given, jnp.zeros(()))), jnp.zeros(())))

    q, prior = Layered(jnp.ones(2), point_below), Layered(jnp.zeros(2), program)
    assert q.base_measure == {"below": "point", "top": "volume"}
    arguments = key, jnp.zeros(3), lambda x: q, lambda z: standard_gaussian(3), prior
    z, log_q = q.sample_and_log_prob(jax.random.fold_in(key, 0))
    expected = log_q - prior.log_prob(z)
    np.testing.assert_allclose(sampled_elbo(*arguments).rate, expected, rtol=1e-5)


def test_layers_are_walked_in_order(key):
    q = Layered(LAYERED, downward)
    z, layers, log_q = q.draw(key)
    assert list(layers) == list(log_q) == ["top", "below"]
    np.testing.assert_allclose(layers["below"].loc, LAYERED["kernel"] @ z["top"], rtol=1e-6)
    jax.tree.map(np.testing.assert_array_equal, layers, q.layers(z))
    for name, layer in layers.items():
        np.testing.assert_allclose(log_q[name], layer.log_prob(z[name]), rtol=1e-5)
    np.testing.assert_allclose(q.log_prob(z), sum(log_q.values()), rtol=1e-5)
    keys = jax.random.split(jax.random.key(1), 4000)
    draws = jax.vmap(q.sample)(keys)  # the layers' noise is their own
    noise = [(draws["top"] - q.given["loc"][None]) / np.exp(-0.5)]
    noise += [draws["below"] - draws["top"] @ LAYERED["kernel"].T]
    assert np.all(np.abs(np.corrcoef(noise[0].T, noise[1].T)[:2, 2:]) < 4.5 / np.sqrt(4000))


def test_the_rest_is_completed(key):
    q = Layered(LAYERED, downward)
    known = {"top": jnp.array([1.0, -2.0])}
    z = q.complete(known)
    np.testing.assert_array_equal(z["top"], known["top"])
    np.testing.assert_allclose(z["below"], LAYERED["kernel"] @ known["top"], rtol=1e-6)
    drawn = q.complete(known, key)
    np.testing.assert_array_equal(drawn["top"], known["top"])
    assert not np.allclose(drawn["below"], z["below"])
    np.testing.assert_array_equal(
        drawn["below"], q.layers(known | drawn)["below"].sample(jax.random.fold_in(key, 1))
    )
    below = q.complete({"below": jnp.zeros(3)})  # nothing is told upward
    np.testing.assert_allclose(below["top"], LAYERED["loc"], rtol=1e-6)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda q: q.log_prob(jnp.zeros(2)), "a dict {name: z} of its latents; got ArrayImpl"),
        (
            lambda q: q.log_prob({"top": jnp.zeros(2)}),
            r"the latent 'below', and was given \['top'\]",
        ),
        (
            lambda q: q.log_prob(
                {n: jnp.zeros(i) for n, i in (("top", 2), ("below", 3), ("x", 1))}
            ),
            r"the latents \['below', 'top'\], and was given \['below', 'top', 'x'\]",
        ),
        (lambda q: q.complete({"up": 0}), r"the latents \['below', 'top'\]; got \['up'\]"),
    ],
)
def test_other_latents_are_refused(ask, message):
    with pytest.raises(ValueError, match=message):
        ask(Layered(LAYERED, downward))


def test_programs_that_make_no_layers_are_refused(key):
    def twice(given, draw):
        draw("z", standard_gaussian())
        draw("z", standard_gaussian())

    with pytest.raises(ValueError, match="draws no latent: its program has to call draw"):
        Layered(None, lambda given, draw: None).sample(key)
    with pytest.raises(ValueError, match="each latent once; 'z' is drawn again"):
        Layered(None, twice).sample(key)
    with pytest.raises(TypeError, match="draws 'z' from a vae_jax Distribution; got ArrayImpl"):
        Layered(None, lambda given, draw: draw("z", jnp.zeros(2))).sample(key)


def test_the_layers_of_two_have_no_divergence_in_the_table():
    q = Layered(LAYERED, downward)
    with pytest.raises(TypeError, match=r"KL\(Layered \|\| Layered\) has no closed form"):
        kl(q, q)
