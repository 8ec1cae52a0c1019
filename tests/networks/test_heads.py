"""Each head's distribution, from feature vectors and feature maps."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from vae_jax import descend, standard_gaussian, vae, weighted_sum
from vae_jax.distributions import (
    Bernoulli,
    Beta,
    Categorical,
    ColourLogistics,
    ContinuousBernoulli,
    Delta,
    DiscretisedLogistic,
    FullGaussian,
    Gaussian,
    Joint,
    Laplace,
    LogisticMixture,
    Mixture,
    NegativeBinomial,
    OneHot,
    Poisson,
    PowerSpherical,
    RiemannianNormal,
    VonMisesFisher,
    WrappedNormal,
    ZeroInflated,
)
from vae_jax.networks import (
    MLP,
    BernoulliHead,
    BetaHead,
    CategoricalHead,
    ColourLogisticsHead,
    ContinuousBernoulliHead,
    DeltaHead,
    DiscretisedLogisticHead,
    FixedScale,
    FullGaussianHead,
    GaussianHead,
    JointHead,
    LaplaceHead,
    LearnedScale,
    LogisticMixtureHead,
    MetricHead,
    MixtureHead,
    NegativeBinomialHead,
    Network,
    OneHotHead,
    PoissonHead,
    PowerSphericalHead,
    PredictedScale,
    RiemannianNormalHead,
    VonMisesFisherHead,
    WrappedNormalHead,
    ZeroInflatedHead,
    centred,
    scaled_by,
)

VECTOR = jax.random.normal(jax.random.key(1), (6,))
MAP = jax.random.normal(jax.random.key(2), (4, 5, 6))
IMAGE = (4, 5, 2)
SHAPED_HEADS = [
    (BernoulliHead(IMAGE), Bernoulli),
    (BetaHead(IMAGE), Beta),
    (CategoricalHead(IMAGE, 7), Categorical),
    (ContinuousBernoulliHead(IMAGE), ContinuousBernoulli),
    (DeltaHead(IMAGE), Delta),
    (GaussianHead(IMAGE), Gaussian),
    (GaussianHead(IMAGE, LearnedScale()), Gaussian),
    (GaussianHead(IMAGE, FixedScale(-1.0)), Gaussian),
    (GaussianHead(IMAGE, bound=nn.sigmoid), Gaussian),
    (FullGaussianHead(IMAGE), FullGaussian),
    (LaplaceHead(IMAGE, bound=jnp.tanh), Laplace),
    (MixtureHead(3, GaussianHead(IMAGE)), Mixture),
    (MixtureHead(3, BernoulliHead(IMAGE)), Mixture),
    (DiscretisedLogisticHead(IMAGE, 9), DiscretisedLogistic),
    (LogisticMixtureHead(IMAGE, 9, 3), LogisticMixture),
    (PoissonHead(IMAGE), Poisson),
    (NegativeBinomialHead(IMAGE), NegativeBinomial),
    (ZeroInflatedHead(NegativeBinomialHead(IMAGE, PredictedScale())), ZeroInflated),
]
# the inverse of a factor of 40 dimensions is beyond float32, of the parameters of the test
DENSITIES = [head for head, family in SHAPED_HEADS if family not in (Delta, FullGaussian)]
PARTS = {"a": GaussianHead(IMAGE), "b": BernoulliHead(IMAGE)}


def shapes(tree):
    return jax.tree.map(jnp.shape, tree)


def call(head, features):
    distribution, params = jax.jit(head.init_with_output)(jax.random.key(0), features)
    return params, distribution


@pytest.mark.parametrize("features", [VECTOR, MAP], ids=["vector", "map"])
@pytest.mark.parametrize(("head", "family"), SHAPED_HEADS)
def test_family_and_event_shape(head, family, features):
    key = jax.random.key(0)
    distribution, _ = jax.eval_shape(head.init_with_output, key, features)
    assert type(distribution) is family
    value, log_prob = jax.eval_shape(family.sample_and_log_prob, distribution, key)
    assert value.shape == IMAGE
    assert log_prob.shape == ()


@pytest.mark.parametrize("features", [VECTOR, MAP], ids=["vector", "map"])
@pytest.mark.parametrize("head", [*DENSITIES, JointHead(PARTS)])
def test_the_density_is_finite_and_differentiable_in_a_jitted_batch(head, features):
    shaped = jax.eval_shape(head.init, jax.random.key(0), features)
    params = jax.tree.map(
        lambda p: np.sin(np.arange(p.size, dtype=p.dtype)).reshape(p.shape), shaped
    )
    ones = np.ones(IMAGE, int)  # in the support of every family but one
    value = {"a": ones, "b": ones} if isinstance(head, JointHead) else ones
    value = ones / 3 if isinstance(head, BetaHead) else value

    @jax.jit
    @jax.value_and_grad
    def loss_and_gradient(params):
        batch = jnp.stack([features, 2 * features])
        return -jax.vmap(lambda x: head.apply(params, x).log_prob(value))(batch).mean()

    loss, gradient = loss_and_gradient(params)
    assert np.isfinite(loss)
    for path, leaf in jax.tree_util.tree_leaves_with_path(gradient):
        assert np.all(np.isfinite(leaf)), path
        assert np.any(leaf != 0), path


@pytest.mark.parametrize(
    ("head", "family", "event"),
    [
        (OneHotHead((4,), 3), OneHot, (4, 3)),
        (VonMisesFisherHead(5), VonMisesFisher, (5,)),
        (PowerSphericalHead(5), PowerSpherical, (5,)),
        (WrappedNormalHead(5), WrappedNormal, (5,)),
        (RiemannianNormalHead(5), RiemannianNormal, (5,)),
    ],
)
def test_latents_of_other_spaces(head, family, event):
    distribution, _ = jax.eval_shape(head.init_with_output, jax.random.key(0), VECTOR)
    assert type(distribution) is family
    value, log_prob = jax.eval_shape(family.sample_and_log_prob, distribution, jax.random.key(0))
    assert (value.shape, log_prob.shape) == (event, ())


def test_a_metric_is_a_triangle_with_a_positive_diagonal():
    _, factor = call(MetricHead(3), 9 * VECTOR)
    np.testing.assert_array_equal(factor, np.tril(factor))
    assert np.all(np.diagonal(factor) > 0)


def test_from_a_vector_the_parameters_are_a_dense_layer():
    params, q = call(GaussianHead((2, 3), PredictedScale(None)), VECTOR)
    p = params["params"]
    layer = {"kernel": (6, 6), "bias": (6,)}
    assert shapes(p) == {"loc": layer, "scale": {"log_scale": layer}}
    np.testing.assert_allclose(q.loc, (VECTOR @ p["loc"]["kernel"]).reshape(2, 3), atol=1e-6)
    np.testing.assert_allclose(
        q.log_scale, (VECTOR @ p["scale"]["log_scale"]["kernel"]).reshape(2, 3), atol=1e-6
    )


@pytest.mark.parametrize("head", [GaussianHead, LaplaceHead])
def test_a_mean_may_be_bounded(head):
    params, q = call(head((2, 3), bound=nn.sigmoid), VECTOR)
    free = head((2, 3)).apply(params, VECTOR)
    np.testing.assert_allclose(q.loc, nn.sigmoid(free.loc), rtol=1e-6)
    half = head((2, 3), bound=jnp.tanh, dtype=jnp.bfloat16).apply(params, 9 * VECTOR)
    assert half.loc.dtype == jnp.float32


LAYERS = ("logits", "loc", "log_scale", "coefficients")


@pytest.mark.parametrize("features", [VECTOR, MAP], ids=["vector", "map"])
def test_pixels_of_three_colours(features):
    _, q = call(ColourLogisticsHead((4, 5, 3), 256, 2), features)
    assert isinstance(q, ColourLogistics)
    assert shapes((q.logits, q.loc)) == ((4, 5, 2), (4, 5, 3, 2))
    assert np.all(np.abs(q.coefficients) < 1)
    x = q.sample(jax.random.key(0))
    assert q.log_prob_factors(x).shape == (4, 5)
    with pytest.raises(ValueError, match=r"for events \[..., 3\]; got \(4, 5, 2\)"):
        call(ColourLogisticsHead(IMAGE, 256), VECTOR)


def test_a_step_on_colours_is_finite_and_moves_every_layer():
    """Of levels at both ends, and of an image whose pixels are all alike."""
    head = ColourLogisticsHead((8, 8, 3), 256, 3)
    read = centred(127.5, 127.5)
    model = vae(
        Network(MLP((4,)), GaussianHead((2,)), preprocess=read),
        Network(MLP((4,)), head),
        standard_gaussian(2),
    )
    noise = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3))
    x = np.concatenate([noise, np.zeros_like(noise[:1]), np.full_like(noise[:1], 255)])
    batch = {"x": x.astype(np.int32)}
    step = descend(weighted_sum(model), optax.adam(1e-2))

    def update(key):
        params = model.init(key, batch["x"][0])
        state, metrics = step.update(step.init(key, params), batch)
        return params, state.params, metrics["loss"]

    before, after, loss = jax.jit(update)(jax.random.key(0))
    assert np.isfinite(loss)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(after))
    layers = [(before["decoder"]["head"][name], after["decoder"]["head"][name]) for name in LAYERS]
    for one, other in layers:
        assert np.any(one["kernel"] != other["kernel"])
        assert np.any(one["bias"] != other["bias"])


def test_the_components_of_levels_begin_around_the_mean():
    begin = nn.initializers.constant(0.25)
    params, _ = call(LogisticMixtureHead((2,), 8, 3, begin), VECTOR)
    q = LogisticMixtureHead((2,), 8, 3).apply(params, jnp.zeros(6))
    np.testing.assert_allclose(q.loc, np.tile([-0.25, 0.25, 0.75], (2, 1)), rtol=1e-6)


def test_a_full_gaussian_begins_without_covariances():
    params, q = call(FullGaussianHead((2, 3)), VECTOR)
    np.testing.assert_array_equal(q.lower, np.zeros((6, 6)))
    assert shapes(params["params"]["lower"]) == {"kernel": (6, 15), "bias": (15,)}
    moved = jax.tree.map(lambda leaf: leaf + 1, params)
    lower = FullGaussianHead((2, 3)).apply(moved, VECTOR).lower
    assert np.all((np.asarray(lower) != 0) == np.tri(6, k=-1, dtype=bool))
    score = jax.grad(lambda p: FullGaussianHead((2, 3)).apply(p, VECTOR).log_prob(jnp.ones((2, 3))))
    for leaf in jax.tree.leaves(score(moved)):
        assert np.all(np.isfinite(leaf))
        assert np.any(leaf != 0)


def test_from_a_map_each_pixel_has_its_own_features():
    params, p_x = call(CategoricalHead((4, 5, 2), 3), MAP)
    kernel = params["params"]["logits"]["kernel"]
    assert kernel.shape == (6, 6)
    expected = np.einsum("hwf,fck->hwck", MAP, kernel.reshape(6, 2, 3))
    np.testing.assert_allclose(p_x.logits, expected, atol=1e-5)


def test_a_map_for_grey_images_without_a_channel_axis_and_a_sequence():
    key = jax.random.key(0)
    grey, _ = jax.eval_shape(BernoulliHead((4, 5)).init_with_output, key, MAP)
    sequence, _ = jax.eval_shape(CategoricalHead((4,), 9).init_with_output, key, MAP[:, 0])
    assert (grey.logits.shape, sequence.logits.shape) == ((4, 5), (4, 9))


def test_a_map_of_another_size_is_refused():
    match = (
        r"features of shape \(4, 5, 6\) for events of shape \(5, 4, 2\).*\[5, 4, F\].*event_shape"
    )
    with pytest.raises(ValueError, match=match):
        call(BernoulliHead((5, 4, 2)), MAP)
    with pytest.raises(ValueError, match=r"flatten its features"):
        call(GaussianHead((16,)), MAP)


def test_one_label_has_an_empty_event_shape():
    _, label = call(CategoricalHead((), 10), VECTOR)
    assert label.logits.shape == (10,)
    assert label.sample(jax.random.key(3)).shape == ()


def test_the_bias_of_the_logits_can_begin_at_the_datas_frequencies():
    p = jnp.linspace(0.1, 0.9, 6)
    bias_init = nn.initializers.constant(jnp.log(p) - jnp.log1p(-p))
    params, _ = call(BernoulliHead((2, 3), bias_init=bias_init), VECTOR)
    at_zero = BernoulliHead((2, 3)).apply(params, jnp.zeros(6))
    np.testing.assert_allclose(at_zero.mean(), p.reshape(2, 3), rtol=1e-5)


def test_the_components_of_a_mixture_are_heads_with_parameters_of_their_own():
    head = GaussianHead((2,))
    params, mixture = call(MixtureHead(3, head), VECTOR)
    p = params["params"]
    layer = {"kernel": (3, 6, 2), "bias": (3, 2)}
    assert shapes(p["head"]) == {"loc": layer, "scale": {"log_scale": layer}}
    assert shapes(p["logits"]) == {"kernel": (6, 3), "bias": (3,)}
    for i in range(3):
        own = {"params": jax.tree.map(lambda leaf, i=i: leaf[i], p["head"])}
        component = jax.tree.map(lambda leaf, i=i: leaf[i], mixture.components)
        np.testing.assert_allclose(component.loc, head.apply(own, VECTOR).loc, atol=1e-6)
    assert len(np.unique(np.asarray(mixture.components.loc)[:, 0])) == 3
    np.testing.assert_allclose(mixture.logits, VECTOR @ p["logits"]["kernel"], atol=1e-5)


def test_the_weights_of_a_mixture_over_images_come_from_the_mean_features():
    params, mixture = call(MixtureHead(3, BernoulliHead(IMAGE)), MAP)
    expected = MAP.mean((0, 1)) @ params["params"]["logits"]["kernel"]
    np.testing.assert_allclose(mixture.logits, expected, atol=1e-5)


@pytest.mark.parametrize("head", [PoissonHead, NegativeBinomialHead])
def test_counts_may_be_shares_of_a_total(head):
    """Of further zeros too; the total multiplies the means."""
    inner = Network(MLP((3,)), ZeroInflatedHead(head((2,))), embed=jnp.atleast_1d)
    size = jnp.array(50.0)
    params = scaled_by(inner, jnp.log).init(jax.random.key(0), VECTOR, size)
    own = inner.apply({"params": params["params"]["network"]}, VECTOR, size)
    scaled = scaled_by(inner, jnp.log).apply(params, VECTOR, size)
    np.testing.assert_allclose(scaled.mean(), 50 * own.mean(), rtol=1e-5)
    np.testing.assert_array_equal(scaled.logits, own.logits)
    with pytest.raises(ValueError, match="has its size of the condition: pass c"):
        scaled_by(inner, jnp.log).apply(params, VECTOR)
    of_classes = scaled_by(Network(MLP((3,)), BernoulliHead((2,)), embed=jnp.atleast_1d), jnp.log)
    with pytest.raises(TypeError, match=r"scaled_by takes a network of counts.*got Bernoulli"):
        of_classes.init(jax.random.key(0), VECTOR, size)


def test_heads_of_one_network_have_scales_of_their_own():
    head = JointHead((GaussianHead((2,)), GaussianHead((3,))))
    params = jax.eval_shape(head.init, jax.random.key(0), VECTOR)
    scales = [params["params"][f"heads_{i}"]["scale"]["log_scale"]["bias"] for i in (0, 1)]
    assert shapes(scales) == [(2,), (3,)]


def test_a_joint_head_keeps_the_structure_of_its_heads():
    _, pair = call(JointHead((DeltaHead((2,)), GaussianHead((3,)))), VECTOR)
    _, named = call(JointHead({"x": GaussianHead((3,)), "y": CategoricalHead((), 4)}), VECTOR)
    assert type(pair) is type(named) is Joint
    assert shapes(pair.sample(jax.random.key(3))) == ((2,), (3,))
    value = {"x": jnp.zeros(3), "y": jnp.int32(1)}
    assert shapes(named.sample(jax.random.key(3))) == shapes(value)
    expected = named.parts["x"].log_prob(value["x"]) + named.parts["y"].log_prob(value["y"])
    np.testing.assert_allclose(named.log_prob(value), expected, rtol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda dtype: BernoulliHead((3,), dtype=dtype),
        lambda dtype: GaussianHead((3,), PredictedScale(dtype=dtype), dtype=dtype),
        lambda dtype: CategoricalHead((), 3, dtype),
    ],
)
def test_half_precision_parameters_give_single_precision_densities(make):
    params, distribution = call(make(jnp.bfloat16), VECTOR)
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype(jnp.float32)}
    assert jax.tree.leaves(distribution)[0].dtype == jnp.bfloat16
    value = distribution.sample(jax.random.key(3))
    assert distribution.log_prob(value).dtype == jnp.float32
    single = make(None).apply(params, VECTOR)
    np.testing.assert_allclose(distribution.log_prob(value), single.log_prob(value), atol=0.1)
