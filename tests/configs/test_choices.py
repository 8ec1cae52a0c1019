"""Choices of a config: every row makes a model that trains; what does not fit is refused."""

import inspect
import math
import re
from dataclasses import fields, replace

import jax
import numpy as np
import optax
import pytest

from vae_jax import Delta, Mixture, evaluate, sampled_rate
from vae_jax.cli.train import main
from vae_jax.configs.choices import Choices, Form, choices, parts
from vae_jax.configs.choices.codes import REDUCTIONS, STARTS, UPDATES
from vae_jax.configs.choices.decoders import DECODERS
from vae_jax.configs.choices.dtypes import DTYPES
from vae_jax.configs.choices.form import COUNTS, LEVELS
from vae_jax.configs.choices.likelihoods import BOUNDS, LIKELIHOODS
from vae_jax.configs.choices.networks import ACTIVATIONS, NETWORKS, NORMS
from vae_jax.configs.choices.objectives import GRADIENTS, GROUPS, OBJECTIVES
from vae_jax.configs.choices.optimizers import OPTIMIZERS
from vae_jax.configs.choices.posteriors import POSTERIORS
from vae_jax.configs.choices.priors import PRIORS, PSEUDO_STARTS
from vae_jax.configs.choices.rises import RISES, cyclical
from vae_jax.configs.choices.scales import SCALES
from vae_jax.configs.choices.steps import STEPS
from vae_jax.configs.choices.table import options_of
from vae_jax.distributions import Flowed
from vae_jax.flows import Permutation
from vae_jax.networks import centred, one_hot

TABLES = {
    "objective": OBJECTIVES,
    "likelihood": LIKELIHOODS,
    "network": NETWORKS,
    "decoder": DECODERS,
    "posterior": POSTERIORS,
    "prior": PRIORS,
    "optimizer": OPTIMIZERS,
    "step": STEPS,
}
NAMES = {**TABLES, "scale": SCALES, "mean_bound": BOUNDS}
NAMES |= {"activation": ACTIVATIONS, "norm": NORMS, "dtype": DTYPES}
SMALL = Choices(hidden=(4,), channels=(2,))
OF_OTHERS = ("transformer", "wavenet", "gru", "lstm", "flow")  # sequences, rows of numbers
FORM = Form((4, 4, 1), classes=3, likelihoods=tuple(LIKELIHOODS))
OF_SCALES = [name for name, row in LIKELIHOODS.items() if "scale" in options_of(row)]
X = {
    "gaussian": np.full((2, 4, 4, 1), 0.3, np.float32),
    "full_gaussian": np.full((2, 4, 4, 1), 0.3, np.float32),
    "laplace": np.full((2, 4, 4, 1), 0.3, np.float32),
    "bernoulli": np.ones((2, 4, 4, 1), np.float32),
    "continuous_bernoulli": np.full((2, 4, 4, 1), 0.3, np.float32),
    "beta": np.full((2, 4, 4, 1), 0.3, np.float32),
    "categorical": np.full((2, 4, 4, 1), 2, np.int32),
    **dict.fromkeys((*COUNTS, "logistic", "logistic_mixture"), np.full((2, 4, 4, 1), 2, np.int32)),
}


OF_EXAMPLES = {"exemplars", "riemannian_hamiltonian"}


def examples(key, number):
    return jax.numpy.ones((number, 4, 4, 1))


def made(**changes):
    kept = {changes.get("prior"), changes.get("posterior")} & OF_EXAMPLES
    form = FORM._replace(inputs=examples) if kept else FORM
    return parts(replace(SMALL, **changes), SMALL, form, 2)


def optimize(make, scale=1.0, updates=1):
    return make(1e-2 * scale)


def stepped(one, x, run=jax.eval_shape):
    """The state after a step; of shapes alone."""
    step = one.step(optimize)

    def update(key):
        params = one.model.init(key, x[0])
        state, metrics = step.update(step.init(key, params), {"x": x})
        return params, state, metrics

    return run(update, jax.random.key(0))


OF_CODES = ("codes", "residual_codes", "fsq", "lfq", "bsq")
FSQ = {"code_levels": (3, 4)}
WITH = {  # what a row is chosen with
    "fixed": {"sigma": 0.5},
    "fsq": FSQ,
    "encoder_ahead": {"parts": 2},
    "categorical": {"prior": "classes", "objective": "rloo"},
    "enumerated": {"posterior": "categorical", "prior": "classes", "latent_classes": 3},
    "gumbel": {"prior": "classes", "temperature_end": 0.5, "temperature_steps": 9},
    "classes": {"posterior": "gumbel", "straight_through": True},
    "vmf": {"prior": "sphere"},
    "power_spherical": {"prior": "sphere"},
    "sphere": {"posterior": "vmf"},
    "wrapped": {"prior": "hyperbolic"},
    "riemannian": {"prior": "hyperbolic"},
    "hyperbolic": {"posterior": "wrapped"},
}


def beside(kind, name):
    """The companions of a row; a likelihood may be called as a posterior is."""
    return WITH.get(name, {}) if kind not in ("likelihood", "decoder") else {}


@pytest.mark.parametrize(
    ("kind", "name"),
    [(k, n) for k, table in NAMES.items() for n in table if n not in OF_OTHERS],
)
def test_every_row_makes_a_step(kind, name):
    one = made(**{kind: name}, **beside(kind, name))
    params, state, metrics = stepped(one, X[name if kind == "likelihood" else "gaussian"])
    same = jax.tree.map(lambda a, b: (a.shape, a.dtype) == (b.shape, b.dtype), params, state.params)
    assert all(jax.tree.leaves(same))
    assert metrics["loss"].shape == ()


def test_every_option_of_a_row_is_a_field_and_every_field_is_one():
    rows = [row for table in TABLES.values() for row in table.values()]
    options = {option for row in rows for option in options_of(row)}
    assert options | set(TABLES) == {field.name for field in fields(Choices)}
    told = re.findall(r"^ {2}(\w+): \S", inspect.getdoc(Choices), re.MULTILINE)
    assert told == [field.name for field in fields(Choices)]


TOLD = [*NAMES.values(), GRADIENTS, RISES, GROUPS, UPDATES, STARTS, REDUCTIONS, PSEUDO_STARTS]


@pytest.mark.parametrize("table", TOLD, ids=len)
def test_the_command_line_has_every_row(table):
    kinds = [vars(choices)[name].__args__ for name in ("Objective", "Gradient", "Rise", "Group")]
    kinds += [vars(choices)[n].__args__ for n in ("Likelihood", "Scale", "Network", "Activation")]
    kinds += [vars(choices)[n].__args__ for n in ("Norm", "Dtype", "Posterior", "Prior")]
    kinds += [vars(choices)[n].__args__ for n in ("Optimizer", "Decoder", "MeanBound")]
    kinds += [vars(choices)[n].__args__ for n in ("Updates", "Start", "Reduction", "Step")]
    kinds += [choices.PseudoStart.__args__]
    assert tuple(table) in kinds


def test_what_the_rows_make():
    assert made(prior="mixture").rate is sampled_rate
    point = made(posterior="point")
    params = point.model.init(jax.random.key(0), X["gaussian"][0])
    assert point.rate is None
    assert isinstance(point.model.encode(params, X["gaussian"][0]), Delta)
    mixed = made(prior="mixture", components=3).model
    params = mixed.init(jax.random.key(0), X["gaussian"][0])
    prior = mixed.prior(params)
    assert isinstance(prior, Mixture)
    assert prior.logits.shape == (3,)
    likelihood = made(sigma=0.2).model
    params = likelihood.init(jax.random.key(0), X["gaussian"][0])
    first = np.exp(np.asarray(likelihood.decode(params, np.zeros(2)).log_scale))
    np.testing.assert_allclose(first, 0.2 + np.exp(-6), rtol=1e-5)  # the floor is soft
    assert params["decoder"]["head"]["scale"]["log_scale"].shape == (4, 4, 1)


def test_posterior_and_prior_are_over_one_space():
    for given, match in (
        (
            {"posterior": "vmf"},
            "'vmf' is over a sphere, and prior='standard' over num.*'sphere'",
        ),
        ({"prior": "classes"}, "'gaussian' is over numbers.*prior='standard' or prior='mixture'"),
        ({**WITH["gumbel"], "posterior": "gumbel", "temperature_steps": 0}, "in how many steps"),
        ({**WITH["categorical"], "posterior": "categorical", "draws": 1}, "draws must be in 2"),
        ({"posterior": "point", "objective": "vimco"}, "A point has no bound"),
        ({**WITH["gumbel"], "posterior": "gumbel", "objective": "iwae"}, "of another model"),
        ({**WITH["gumbel"], "posterior": "gumbel", "step": "encoder_ahead"}, "more than an enc"),
        ({"temperature": 0.5}, "is an option of the posterior gumbel"),
    ):
        with pytest.raises(ValueError, match=match):
            made(**given)
    with pytest.raises(ValueError, match=r"to the rim of the ball.*choose latents="):
        parts(replace(SMALL, posterior="wrapped", prior="hyperbolic"), SMALL, FORM, 36)
    for c, match in (
        (2.0, "choose latents=7 at most, or a lower"),
        (4.0, "choose a lower curvatu"),
    ):
        with pytest.raises(ValueError, match=match):
            parts(
                replace(SMALL, prior="hyperbolic", curvature=c, posterior="wrapped"), SMALL, FORM, 8
            )
    for name in ("wrapped", "riemannian"):
        model = made(posterior=name, prior="hyperbolic", curvature=0.5).model
        params = model.init(jax.random.key(0), X["gaussian"][0])
        made_of = (model.encode(params, X["gaussian"][0]), model.prior(params))
        assert [d.curvature for d in made_of] == [0.5, 0.5]


def test_flows_are_priors_and_posteriors():
    """The rate of each is sampled, and pseudo-inputs begin at what the encoder reads."""
    for name in ("planar", "radial", "sylvester", "iaf"):
        one = made(posterior=name, flow_layers=2)
        assert one.rate is sampled_rate
        params = jax.eval_shape(one.model.init, jax.random.key(0), X["gaussian"][0])
        q = jax.eval_shape(one.model.encode, params, X["gaussian"][0])
        assert isinstance(q, Flowed)
        assert sum(not isinstance(part, Permutation) for part in q.flow.parts) == 2
    for name in ("real_nvp", "maf", "spline"):
        prior = made(prior=name, prior_layers=2).model
        params = jax.eval_shape(prior.init, jax.random.key(0), X["gaussian"][0])
        assert isinstance(jax.eval_shape(prior.prior, params), Flowed)
    with pytest.raises(ValueError, match="choose latents=2 at least, or prior='maf'"):
        parts(replace(SMALL, prior="real_nvp"), SMALL, FORM, 1)
    x = np.full((4, 4, 1), 2, np.int32)
    form = FORM._replace(inputs=examples)
    choice = replace(SMALL, prior="vamp", likelihood="categorical", pseudo_inputs=3)
    model = parts(choice, SMALL, form, 2, preprocess=centred(1.0, 1.0)).model
    params = model.init(jax.random.key(0), x)
    np.testing.assert_array_equal(params["prior"]["inputs"], np.ones((3, 4, 4, 1)))
    z = np.zeros(2)  # what stands behind the preprocessing is what 2 is before it
    expected = model.encode(params, x).log_prob(z)
    np.testing.assert_allclose(model.prior(params).log_prob(z), expected, rtol=1e-6)
    noisy = replace(choice, pseudo_start="noise", pseudo_inputs=50)  # (2 N(0.5, 0.01^2) - 1) / 1
    model = parts(noisy, SMALL, form, 2, preprocess=centred(1.0, 1.0)).model
    inputs = model.init(jax.random.key(0), x)["prior"]["inputs"]
    assert inputs.shape == (50, 4, 4, 1)
    assert abs(np.mean(inputs)) < 4.5 * 0.02 / np.sqrt(800)
    np.testing.assert_allclose(np.std(inputs), 0.02, rtol=0.15)
    with pytest.raises(ValueError, match="these data are none: choose pseudo_start='noise'"):
        parts(replace(choice, pseudo_start="data"), SMALL, FORM, 2)
    with pytest.raises(ValueError, match="reads integers, which have no derivative"):
        parts(choice, SMALL, FORM, 2).model.init(jax.random.key(0), x)


def nothing(model, params):
    """A z of zeros."""
    z = jax.eval_shape(lambda p, key: model.prior(p).sample(key), params, jax.random.key(0))
    return jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), z)


def products(f, *args):
    """The types of the results of all products and convolutions of a function."""
    text = jax.jit(f).lower(*args).as_text()
    lines = [line for line in text.splitlines() if re.search("dot_general|convolution", line)]
    return [re.search(r"-> tensor<(?:\d+x)*(\w+)>", line)[1] for line in lines]


OF_FLOAT32 = ("gaussian", "riemannian_hamiltonian")  # which is above; whose metric is float32
MADE = [
    *((name, "gaussian", "gaussian") for name in NETWORKS if name not in OF_OTHERS),
    *(("mlp", name, "gaussian") for name in LIKELIHOODS if name != "gaussian"),
    *(("mlp", "gaussian", name) for name in POSTERIORS if name not in (*OF_CODES, *OF_FLOAT32)),
]


@pytest.mark.parametrize(("network", "likelihood", "posterior"), MADE)
def test_bfloat16_is_of_bodies_and_heads_alone(network, likelihood, posterior):
    choice = {"network": network, "likelihood": likelihood, "posterior": posterior}
    choice |= beside("posterior", posterior)
    choice |= {"scale": "predicted"} if likelihood in OF_SCALES else {}
    x = X[likelihood][0]
    for dtype, name in (("float32", "f32"), ("bfloat16", "bf16")):
        one = made(**choice, dtype=dtype)
        params, state, metrics = stepped(one, X[likelihood])
        z = nothing(one.model, params)
        learns = jax.tree.leaves((params, state.params, state.opt_state, metrics))
        assert {leaf.dtype for leaf in learns} <= {np.dtype(np.float32), np.dtype(np.int32)}
        for f, given in ((one.model.encode, x), (one.model.decode, z)):
            found = products(lambda params, e, f=f: f(params, e), params, given)
            assert len(found) >= 2
            assert set(found) == {name}
            _, log_density = jax.eval_shape(
                lambda params, e, f=f: f(params, e).sample_and_log_prob(jax.random.key(0)),
                *(params, given),
            )
            assert log_density.dtype == np.float32


def test_classes_beside_numbers_are_of_the_same_type():
    form = Form((3,), likelihoods=("gaussian",), beside=(2, 4))
    one = parts(replace(SMALL, dtype="bfloat16"), SMALL, form, 2)
    x = {"numbers": np.zeros(3, np.float32), "classes": (np.int32(1), np.int32(3))}
    params = jax.eval_shape(one.model.init, jax.random.key(0), x)
    found = products(lambda params, z: one.model.decode(params, z), params, np.zeros(2))
    assert found == ["bf16"] * 4


def test_beta_weighs_the_rate_and_rises():
    one, four, risen = made(), made(beta=4.0), made(beta=4.0, beta_warmup=8)
    run = lambda f, key: jax.jit(f)(key)  # noqa: E731
    metrics = [stepped(m, X["gaussian"], run)[2] for m in (one, four, risen)]
    for found, weight in zip(metrics, (1.0, 4.0, 0.0), strict=True):
        np.testing.assert_allclose(
            found["loss"], found["distortion"] + weight * found["rate"], rtol=1e-6
        )
    steps = np.arange(9)
    np.testing.assert_allclose(
        [cyclical(2.0, 2)(step) for step in steps], [0, 1, 2, 2, 0, 1, 2, 2, 0], atol=1e-6
    )


def test_free_bits_and_a_capacity_are_paid_beside_the_rate():
    run = lambda f, key: jax.jit(f)(key)  # noqa: E731
    choices = {
        "each": {"free_bits": 9.0, "beta": 0.5},
        "total": {"free_bits": 9.0, "free_bits_per": "total"},
        "mixture": {"free_bits": 9.0, "free_bits_per": "total", "prior": "mixture"},
        "risen": {"free_bits": 9.0, "beta_warmup": 8},
        "capacity": {"objective": "capacity", "capacity": 9.0, "gamma": 2.0},
        "rising": {"objective": "capacity", "capacity": 9.0, "capacity_warmup": 4},
    }
    found = {name: stepped(made(**c), X["gaussian"], run)[2] for name, c in choices.items()}
    free = {name: m["free_bits"] for name, m in found.items() if "free_bits" in m}
    np.testing.assert_allclose(list(free.values()), [18.0, 9.0, 9.0, 18.0])  # of two dimensions
    assert all(m["rate"] < 9.0 for m in found.values())
    paid = {"each": 0.5 * 18, "total": 9.0, "mixture": 9.0, "risen": 0.0}
    paid["capacity"] = 2 * (9 - found["capacity"]["rate"])
    paid["rising"] = 1000 * found["rising"]["rate"]  # of 0 nats at first
    for name, cost in paid.items():
        expected = found[name]["distortion"] + cost
        np.testing.assert_allclose(found[name]["loss"], expected, rtol=1e-5, err_msg=name)


def test_a_committed_rate_is_no_information():
    """All of the rate is paid, and z tells nothing: the same posterior for every x."""
    model = made(posterior="committed", committed_rate=0.7).model
    x = np.random.default_rng(0).normal(0.3, 1, (40, 4, 4, 1)).astype(np.float32)
    params = model.init(jax.random.key(0), x[0])
    same = jax.tree.map(np.zeros_like, params["encoder"])
    found = []
    for encoder in (same, params["encoder"]):
        own = {**params, "encoder": encoder}
        rates = evaluate.elbos(model, own, jax.random.key(1), {"x": x}).rate
        information = evaluate.mutual_information(model, own, jax.random.key(1), {"x": x})
        assert np.all(rates >= 2 * 0.7)
        found.append(information.value)
    np.testing.assert_allclose(found[0], 0.0, atol=1e-5)  # of densities of size 1, rounded
    assert found[1] > 0.1


def test_codes_are_at_the_positions_of_the_smallest_map():
    """Or as many vectors as are asked for; each with terms of its own, and a rate that is paid."""
    conv = {"network": "conv", "channels": (2, 3)}
    cases = {
        "codes": {"num_codes": 6, "code_groups": 2, "code_reduction": "mean"},
        "residual_codes": {"code_depth": 3, "num_codes": 6},
        "fsq": FSQ,
        "lfq": {},
        "bsq": {"code_temperature": 0.5},
    }
    for name, options in cases.items():
        for network, positions in ((conv, (1, 1)), ({"code_vectors": 5}, (5,))):
            one = made(posterior=name, **options, **network)
            shape = jax.eval_shape(
                lambda key, one=one: one.model.encode(
                    one.model.init(key, X["gaussian"][0]), X["gaussian"][0]
                ),
                jax.random.key(0),
            ).features.shape
            assert shape == (*positions, 2)
        if name not in ("codes", "lfq"):
            continue
        _, _, metrics = stepped(one, X["gaussian"], lambda f, key: jax.jit(f)(key))
        expected = 5 * 2 * np.log(6 if name == "codes" else 2)  # two groups, two channels
        np.testing.assert_allclose(metrics["rate"], expected, rtol=1e-5)
        loss = metrics["distortion"] + metrics["rate"]
        loss += 0.25 * metrics.get("commitment", 0.0) + 0.1 * metrics.get("entropy_gap", 0.0)
        np.testing.assert_allclose(metrics["loss"], loss, rtol=1e-5)
        assert 0 < metrics["usage"] <= 1 <= metrics["perplexity"]


def test_decay_is_of_kernels():
    step = made(optimizer="adamw", weight_decay=0.5).step(optimize)
    params = {"encoder": {"kernel": np.ones(3), "bias": np.ones(3)}}
    optimizer = OPTIMIZERS["adamw"](1.0, weight_decay=0.5)
    zeros = jax.tree.map(np.zeros_like, params)
    updates, _ = optimizer.update(zeros, optimizer.init(params), params)
    np.testing.assert_allclose(updates["encoder"]["kernel"], -0.5)
    np.testing.assert_allclose(updates["encoder"]["bias"], 0.0)
    assert callable(step.update)
    assert isinstance(OPTIMIZERS["lion"](1.0), optax.GradientTransformation)


REFUSED = {
    "an option of another objective": ({"groups": 2}, "groups=2 is an option of the objective miw"),
    "of several others": ({"mix": 0.1, "objective": "iwae"}, "of the objective ciwae, and the obj"),
    "beta of a bound": ({"beta": 2.0, "objective": "iwae"}, "beta=2.0 is an option of the objecti"),
    "beta score-free": ({"beta": 2.0, "gradient": "score-free"}, "leave beta at 1"),
    "a batch score-free": ({"norm": "batch", "gradient": "score-free"}, "choose norm='layer' or"),
    "a typo": ({"optimizer": "sdg"}, "no optimizer 'sdg'. Did you mean 'sgd'"),
    "a typo of a row's": ({"activation": "rleu"}, "no activation 'rleu'. Did you mean 'relu'"),
    "the other network's sizes": ({"hidden": (3,), "network": "conv"}, "option of the network mlp"),
    "no layer": ({"hidden": ()}, "hidden must be one size or more"),
    "no width": ({"hidden": (4, 0)}, "hidden must be one size or more, each at least 1"),
    "no probability": ({"dropout": 1.0}, r"dropout must be in \[0, 1\)"),
    "no scale": ({"sigma": 0.0}, "sigma must be in 1e-06 .. 1,000,000; got 0.0"),
    "a fixed scale unsaid": ({"scale": "fixed"}, "needs its standard deviation: sigma=0.1"),
    "a scale said twice": ({"scale": "data", "sigma": 0.1}, "data say what their deviation is: le"),
    "an optimal scale said": (
        {"scale": "optimal", "sigma": 0.1},
        "nowhere: leave sigma out",
    ),
    "an optimal scale of no Gaussian": (
        {"scale": "optimal", "likelihood": "laplace"},
        "is of a Gaussian over all of x, .* choose scale='learned'",
    ),
    "an optimal scale score-free": (
        {"scale": "optimal", "gradient": "score-free"},
        "scale='optimal' is fitted to the batch",
    ),
    "a scale of no number": (
        {"scale": "data", "likelihood": "zinb"},
        "scale='data' is of numbers: that of counts",
    ),
    "no logistics": (
        {"logistics": 0, "likelihood": "logistic_mixture"},
        "logistics must be at least 1; got 0",
    ),
    "a negative beta": ({"beta": -1.0}, "beta must be in 0 .. 1,000,000; got -1"),
    "a point's bound": ({"posterior": "point", "objective": "iwae"}, "A point has no bound"),
    "a point's beta": ({"posterior": "point", "beta": 2.0}, "the distortion alone for its loss"),
    "a point's learned prior": (
        {"posterior": "point", "prior": "mixture"},
        "by the rate, and post",
    ),
    "a warm-up score-free": ({"beta_warmup": 5, "gradient": "score-free"}, "leave beta at 1"),
    "an infinite beta": ({"beta": math.inf}, "beta must be in 0 .. 1,000,000; got inf"),
    "a rise of no steps": ({"beta_rise": "cyclical"}, "needs the steps of a rise: beta_warmup=10"),
    "a point's warm-up": ({"posterior": "point", "beta_warmup": 9}, "beta, beta_warmup and free"),
    "a point's bits": ({"posterior": "point", "free_bits": 1.0}, "and free_bits out"),
    "a point's capacity": (
        {"posterior": "point", "objective": "capacity"},
        "A point has no rate: with",
    ),
    "free bits of a bound": ({"free_bits": 1.0, "objective": "iwae"}, "of the objective elbo, and"),
    "free bits score-free": ({"free_bits": 1.0, "gradient": "score-free"}, "free_bits out"),
    "bits less than none": ({"free_bits": -1.0}, "free_bits must be in 0 .. 1,000,000; got -1"),
    "groups of no bits": (
        {"free_bits_per": "total"},
        "needs the nats: free_bits=0.5, say; without free bits it is free_bits_per='dimension'",
    ),
    "bits of no dimension": (
        {"free_bits": 1.0, "prior": "mixture"},
        "it is sampled: choose free_bits_per='total', or prior='standard'",
    ),
    "bits of no diagonal": (
        {"free_bits": 1.0, "posterior": "full"},
        "no rate of each dimension, of which bits could be free: choose free_bits_per='total'",
    ),
    "less than no capacity": ({"objective": "capacity", "capacity": -1.0}, "capacity must be in 0"),
    "a capacity of another": ({"capacity": 5.0}, "of the objective capacity, and the objective is"),
    "no gamma": ({"objective": "capacity", "gamma": math.nan}, "gamma must be in 0 .. 1,000,000;"),
    "no draws": ({"draws": 0}, "draws must be at least 1; got 0"),
    "no draws of iwae": ({"draws": 0, "objective": "iwae"}, "^draws must be at least 1; got 0"),
    "no groups": ({"groups": -1, "objective": "piwae"}, "^groups must be at least 1; got -1"),
    "no mixture": ({"mix": math.nan, "objective": "ciwae"}, "mix must be in 0 .. 1; got nan"),
    "a scale of no float": ({"sigma": 1e30}, "sigma must be in 1e-06 .. 1,000,000; got 1e[+]30"),
    "a committed rate of none": (
        {"posterior": "committed", "committed_rate": 0.0},
        "rate must be in 0.001 .. 10",
    ),
    "a committed rate below the floor": (
        {"posterior": "committed", "committed_rate": 6.0},
        "at most -6.50, which is to be more than 1 above the least, posterior_floor=-6.0",
    ),
    "a committed rate of a learned prior": (
        {"posterior": "committed", "prior": "mixture"},
        "prior='mixture' is learned, and comes to it",
    ),
    "codes drawn": (
        {"posterior": "codes", "objective": "iwae"},
        "draws nothing, .* and objective='iwae' is of draws: choose objective='elbo'",
    ),
    "a prior of codes": (
        {"posterior": "bsq", "prior": "mixture"},
        "prior='mixture' is of none: choose prior='standard', and .* prior RUN --fit codes",
    ),
    "levels of no channels": ({"posterior": "fsq"}, r"\(8, 5, 5, 5\) choose latents=4; got 2"),
    "averages of what is learned": (
        {"posterior": "codes", "code_updates": "gradients", "code_decay": 0.9},
        "code_decay is of codes that follow by averages, and code_updates='gradients': leave it",
    ),
    "vectors of a map": (
        {"posterior": "codes", "network": "conv", "code_vectors": 2},
        "code_vectors is of networks without a map",
    ),
    "free bits of codes": ({"posterior": "codes", "free_bits": 1.0}, "no rate of each dimension"),
    "an endless floor": ({"posterior_floor": math.nan}, "floor must be in -30 .. 10; got nan"),
    "a width of no memory": ({"hidden": (4, 10**20)}, "largest of hidden must be below 2,147"),
    "no epsilon": ({"epsilon": 0.0}, "epsilon must be in 1e-30 .. 1; got 0"),
    "momentum": ({"momentum": 1.0, "optimizer": "sgd"}, "momentum must be in 0 .. 0.9999; got 1"),
    "a decay": ({"weight_decay": -1.0, "optimizer": "lion"}, "decay must be in 0 .. 1,000; got -1"),
    "score-free of draws alone": (
        {"posterior": "planar", "gradient": "score-free"},
        "asks for the posterior's density at every z, and posterior='planar' knows",
    ),
    "draws without a derivative": (
        {"posterior": "categorical", "prior": "classes"},
        "objective='elbo' is descended through the draws, and those of posterior='categorical' have"
        " no derivative: choose objective='rloo' for elbo, objective='vimco' for iwae, or, .*'enum",
    ),
    "a capacity of draws without one": (
        {"posterior": "categorical", "prior": "classes", "objective": "capacity"},
        "objective='capacity' is descended through the draws",
    ),
    "an encoder ahead of draws without one": (
        {**WITH["categorical"], "posterior": "categorical", "step": "encoder_ahead"},
        "step='encoder_ahead' descends through the draws, and .* choose step='together'",
    ),
    "an encoder ahead of draws alone": (
        {"posterior": "planar", "step": "encoder_ahead"},
        "at every z, and posterior='planar' knows that of its draws alone: choose step='together'",
    ),
    "a score of draws alone": (
        {"posterior": "planar", "objective": "rloo"},
        "objective='rloo' asks for .* posterior='planar' knows .*'iaf', or objective='elbo'",
    ),
    "a score of a batch": (
        {"norm": "batch", "objective": "vimco"},
        "objective='vimco' is for networks that see one example, and norm='batch' sees the batch",
    ),
    "a sum over no states": (
        {"objective": "enumerated"},
        "posterior='gaussian' lists none: choose posterior='categorical', or objective='elbo'",
    ),
    "a sum over too many states": (
        {**WITH["enumerated"], "objective": "enumerated", "latent_classes": 65},
        r"latent_classes\^latents = 4,225, and at most 4,096 are summed: choose fewer latents or",
    ),
    "a sum over states beyond counting": (
        {**WITH["enumerated"], "objective": "enumerated", "latent_classes": 10**7},
        r"latents = too many to write, and at most",
    ),
    "a sum over relaxed states": (
        {"objective": "enumerated", "posterior": "gumbel", "prior": "classes"}
        | {"straight_through": True},
        "posterior='gumbel' lists none: choose posterior='categorical'",
    ),
    "a vamp prior of draws alone": (
        {"posterior": "sylvester", "prior": "vamp"},
        "posteriors whose density is known at every z, and posterior='sylvester' knows",
    ),
    "too many directions": (
        {"posterior": "sylvester", "flow_rank": 3},
        "flow_rank must be in 1 .. 2; got 3",
    ),
    "no flow": ({"posterior": "iaf", "flow_layers": 0}, "flow_layers must be at least 1; got 0"),
    "a width of nothing": (
        {"posterior": "planar", "flow_width": 4},
        "flow_width=4 is an option of the posterior iaf",
    ),
    "bits of a flow": (
        {"posterior": "radial", "free_bits": 1.0},
        "no rate of each dimension, of which bits could be free: choose free_bits_per='total'",
    ),
    "no pseudo-inputs": (
        {"prior": "vamp", "pseudo_inputs": 0},
        "pseudo_inputs must be at least 1; got 0",
    ),
    "too many exemplars": (
        {"prior": "exemplars", "num_exemplars": 3, "nearest": 4},
        "nearest=4 is not in 1 .. num_exemplars=3",
    ),
    "exemplars of flows": (
        {"prior": "exemplars", "posterior": "iaf"},
        "posterior='iaf' has none in closed form: choose posterior='gaussian', or prior='vamp'",
    ),
    "a point's vamp prior": ({"posterior": "point", "prior": "vamp"}, "by the rate, and post"),
    "no prior's layers": ({"prior": "maf", "prior_layers": 0}, "prior_layers must be at least 1"),
    "one part": ({"step": "encoder_ahead", "parts": 1}, "parts must be at least 2, the encoder's"),
    "no window": ({"step": "encoder_ahead", "window": 0}, "window must be at least 1; got 0"),
    "a part of all": ({"parts": 3}, "parts=3 is an option of the step encoder_ahead, and the step"),
    "a point ahead": (
        {"posterior": "point", "step": "encoder_ahead"},
        "a point has no density: with posterior='point' choose step='together'",
    ),
    "no components": ({"prior": "mixture", "components": 0}, "components must be at least 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused(case):
    changes, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        made(**changes)


def test_what_does_not_fit_the_data_is_refused():
    vector = Form((5,), likelihoods=("gaussian",))
    with pytest.raises(
        ValueError, match=r"conv' is for images \[H, W, C\], .* choose network='mlp"
    ):
        parts(replace(SMALL, network="conv"), SMALL, vector, 2)
    with pytest.raises(
        ValueError, match="likelihood='bernoulli' does not fit these data: choose g"
    ):
        parts(replace(SMALL, likelihood="bernoulli"), SMALL, vector, 2)
    wide = Form((129,), likelihoods=("full_gaussian",))
    with pytest.raises(ValueError, match=r"examples D = 129: it is for 128 at most. Choose like"):
        parts(replace(SMALL, likelihood="full_gaussian"), SMALL, wide, 2)
    with pytest.raises(ValueError, match="prior='exemplars' keeps some of the training images"):
        parts(replace(SMALL, prior="exemplars"), SMALL, FORM, 2)
    moved, told = replace(SMALL, posterior="riemannian_hamiltonian"), FORM._replace(inputs=examples)
    for form, embed in ((FORM, None), (told, one_hot(3))):
        with pytest.raises(ValueError, match="images without a condition: choose posterior='ham"):
            parts(moved, SMALL, form, 2, embed=embed)
    for name in LEVELS:
        with pytest.raises(ValueError, match=f"'{name}' is for integers, and these data are not"):
            parts(replace(SMALL, likelihood=name), SMALL, FORM._replace(classes=None), 2)


def test_what_does_not_fit_leaves_no_folder(tmp_path, capsys):
    folder = tmp_path / "run"
    assert main(["digits", "--objective", "elbo", "--groups", "3", "--out", str(folder)]) == 1
    assert "groups=3 is an option of the objective miwae or piwae" in capsys.readouterr().err
    assert not folder.exists()
    with pytest.raises(SystemExit):
        main(["digits", "--objective", "iwea"])
    assert "iwae" in capsys.readouterr().err
