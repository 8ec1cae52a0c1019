"""What every flow must do, in one battery: a new flow is one row of `every_flow.EVERY`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from every_flow import EVERY, FORWARD_ALONE, SPLINE, D

from vae_jax import flows, networks, standard_gaussian
from vae_jax.distributions import Flowed

every = pytest.mark.parametrize("name", EVERY)
U = np.random.default_rng(9).normal(size=(6, D))


def of_sizes(name, dtype):
    """The flow with its parameters, tiny ones, and extreme ones of both signs: a batch of four."""
    flow, extreme = EVERY[name]
    scales = np.array([1.0, 1e-30, extreme, -extreme])
    return jax.tree.map(
        lambda leaf: jnp.asarray(np.multiply.outer(scales, np.asarray(leaf)), dtype), flow
    )


def over(f):
    """Of every flow of a batch, and every u: one program."""
    each = jax.vmap(lambda flow, number, u: f(flow, u), (None, None, 0))
    together = jax.jit(jax.vmap(each, (0, 0, None)))
    return lambda flow, u: together(flow, jnp.arange(4), u)  # a permutation has no parameters


@every
def test_its_determinant_is_that_of_its_jacobian(name, x64):
    """One to one at every parameter: of a step across a plane the determinant is positive."""

    def run(flow, u):
        z, log_det = flow.forward_and_log_det(u)
        jacobian = jax.jacfwd(lambda u: flow.forward_and_log_det(u)[0])(u)
        back = flow.inverse_and_log_det(z) if flow.invertible else (u, -log_det)
        return (log_det, *jnp.linalg.slogdet(jacobian), *back)

    u = jnp.asarray(U)
    log_det, sign, expected, back, inverse_log_det = over(run)(of_sizes(name, jnp.float64), u)
    np.testing.assert_allclose(log_det, expected, rtol=1e-4, atol=1e-6)
    assert np.all(sign == sign[:1, :1])
    np.testing.assert_allclose(inverse_log_det, -log_det, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(back, np.broadcast_to(U, back.shape), rtol=1e-4, atol=1e-4)
    assert EVERY[name].flow.invertible == (name not in FORWARD_ALONE)


@every
def test_it_and_its_gradient_are_finite_in_float32(name):
    """At the extreme parameters, too; and where u is 0."""

    def run(flow, u):
        def summed(flow, u):
            z, log_det = flow.forward_and_log_det(u)
            return jnp.sum(z) + log_det

        value, gradient = jax.value_and_grad(summed, (0, 1))(flow, u)
        leaves = jax.tree.leaves(gradient)
        return value, jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in leaves])

    u = jnp.concatenate([jnp.zeros((1, D)), jnp.asarray(U, jnp.float32)])
    value, is_finite = over(run)(of_sizes(name, jnp.float32), u)
    assert value.dtype == jnp.float32
    assert np.all(np.isfinite(value))
    assert np.all(is_finite)


@pytest.mark.parametrize("name", FORWARD_ALONE)
def test_what_is_known_forward_alone_says_so(name):
    with pytest.raises(TypeError, match=r"no inverse that can be computed.*score_free"):
        EVERY[name].flow.inverse_and_log_det(jnp.zeros(D))


def test_planes_of_no_direction_and_points_themselves_are_finite():
    """w = 0, v at the center of a radial flow, and reflections in 0."""
    v = jnp.ones(2)
    still = (
        flows.Planar(v, jnp.zeros(2), jnp.array(0.3)),
        flows.Radial(v, jnp.array(0.0), jnp.array(-1.0)),
        flows.Sylvester(jnp.zeros((2, 2)), jnp.eye(2), jnp.eye(2), jnp.zeros(2)),
    )
    for flow in still:
        run = lambda flow: flow.forward_and_log_det(v)[1]  # noqa: E731
        value, gradient = jax.value_and_grad(run)(flow)
        assert np.isfinite(value)
        assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradient))
    z, log_det = still[0].forward_and_log_det(v)
    np.testing.assert_allclose(z, v + np.tanh(0.3), rtol=1e-6)
    assert log_det == 0


def test_sylvesters_directions_are_orthonormal():
    """Q'Q = I to 1e-6, whatever the vectors: huge, tiny, alike, or none."""
    random = np.random.default_rng(0).normal(size=(4, 16))
    cases = [random, 1e15 * random, 1e-25 * random, np.repeat(random[:1], 4, 0), 0 * random]
    vectors = jnp.asarray(np.stack(cases), jnp.float32)

    def directions(vectors):
        return flows.Sylvester(vectors, *jnp.zeros((2, 4, 4)), jnp.zeros(4)).directions()

    Q = np.asarray(jax.jit(jax.vmap(directions))(vectors))
    np.testing.assert_allclose(np.swapaxes(Q, 1, 2) @ Q, np.tile(np.eye(4), (5, 1, 1)), atol=1e-6)


def test_the_published_determinants():
    """Of planar, radial and Sylvester flows, as their papers write them, in float64 by hand."""
    rng = np.random.default_rng(0)
    u, w, v = rng.normal(size=(3, 3))
    flow = flows.Planar(*(jnp.asarray(a, jnp.float32) for a in (u, w)), jnp.array(0.1))
    z, log_det = flow.forward_and_log_det(jnp.asarray(v, jnp.float32))
    m = w @ u if w @ u > 0 else np.exp(w @ u) - 1
    step, h = u + (m - w @ u) * w / (w @ w), np.tanh(w @ v + 0.1)
    np.testing.assert_allclose(z, v + step * h, rtol=1e-5)
    np.testing.assert_allclose(log_det, np.log(1 + (1 - h**2) * (w @ step)), rtol=1e-4)
    softplus = lambda x: np.log1p(np.exp(x))  # noqa: E731
    flow = flows.Radial(jnp.asarray(u, jnp.float32), jnp.array(0.4), jnp.array(-1.0))
    a, beta, r = softplus(0.4), softplus(-1.0) - softplus(0.4), np.linalg.norm(v - u)
    z, log_det = flow.forward_and_log_det(jnp.asarray(v, jnp.float32))
    np.testing.assert_allclose(z, v + beta * (v - u) / (a + r), rtol=1e-4)
    across, along = 1 + beta / (a + r), 1 + beta / (a + r) - beta * r / (a + r) ** 2
    np.testing.assert_allclose(log_det, 2 * np.log(across) + np.log(along), rtol=1e-4)


def test_a_spline_of_zeros_is_the_identity_and_so_is_every_one_outside():
    u = jnp.linspace(-7.0, 7.0, D)
    zeros = flows.Spline(jnp.zeros((D, 4)), jnp.zeros((D, 4)), jnp.zeros((D, 3)))
    z, log_det = zeros.forward_and_log_det(u)
    np.testing.assert_allclose(z, u, atol=2e-6)
    np.testing.assert_allclose(log_det, 0, atol=1e-5)
    z, _ = SPLINE.forward_and_log_det(u)
    np.testing.assert_array_equal(z[jnp.array([0, 4])], u[jnp.array([0, 4])])


def test_an_event_of_any_shape_and_no_other_size():
    flow = EVERY["chain"].flow
    u = jnp.asarray(U[0], jnp.float32)
    z, log_det = flow.forward_and_log_det(u)
    as_column, same = flow.forward_and_log_det(u[:, None])
    np.testing.assert_array_equal(as_column, z[:, None])
    assert same == log_det
    for flow in (EVERY[name].flow for name in ("planar", "radial", "sylvester", "spline")):
        with pytest.raises(ValueError, match=r"over 5 values and was given an event of 10.*vmap"):
            flow.forward_and_log_det(jnp.zeros((2, D)))
    with pytest.raises(TypeError, match="each latent of a tree a flow of its own"):
        flow.forward_and_log_det({"z": u})


def test_a_compiled_function_knows_a_flow_again_and_tells_it_from_others():
    traces = []

    @jax.jit
    def run(flow, u):
        traces.append(1)
        return flow.forward_and_log_det(u)[0]

    u = jnp.ones(2)
    for shift in (0.0, 1.0):
        run(flows.Affine(jnp.full(2, shift), jnp.zeros(2)), u)
    assert len(traces) == 1
    structures = {jax.tree.structure(row.flow) for row in EVERY.values()}
    assert len(structures) == len({type(row.flow) for row in EVERY.values()}) + 2  # two of a kind


def changed(name, **parameters):
    return lambda: EVERY[name].flow.replace(**parameters)


ONE, PLAIN = jnp.zeros(3), jnp.zeros(D)
WRONG = {
    "permutation": (lambda: flows.Permutation((0, 0)), r"each of 0 \.\. 1 once; got \(0, 0\)"),
    "planar": (changed("planar", b=PLAIN), r"Planar: b must have the shape \[\]; got \[5\]"),
    "radial": (changed("radial", alpha=PLAIN), "Radial: alpha must have"),
    "sylvester": (changed("sylvester", r=ONE), "Sylvester: r must have"),
    "affine": (changed("affine", log_scale=ONE), "Affine: log_scale must have"),
    "linear": (changed("linear", lower=PLAIN), "Linear: lower must have"),
    "slopes": (changed("spline", slopes=jnp.zeros((D, 6))), r"slopes .* \[5, 5\]; got \[5, 6\]"),
    "bins": (
        lambda: flows.Spline(*(jnp.zeros((D, K)) for K in (1000, 1000, 999))),
        "fewer than 1,000 of them; got 1000",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_parameters_of_another_shape_are_refused(name):
    make, said = WRONG[name]
    with pytest.raises(ValueError, match=said):
        make().forward_and_log_det(jnp.zeros(D))


def test_a_flow_over_another_event_than_its_base_is_refused(key):
    """Of heads, whichever flow; and a flow told a label, which stays a whole number."""
    for make in (networks.iaf, networks.maf, networks.real_nvp, networks.planar):
        head = networks.FlowHead(networks.GaussianHead((4,)), make(5, 1))
        made, _ = head.init_with_output(key, jnp.ones(3))
        with pytest.raises(ValueError, match=r"over . values and was given an event of"):
            made.sample(key)
    told = flows.Coupling({"table": jnp.ones((4, 2)), "label": jnp.array(3)}, of_a_label, 1)
    flowed = Flowed(standard_gaussian(2), told)
    z, log_p = flowed.sample_and_log_prob(key)
    np.testing.assert_allclose(flowed.log_prob(z), log_p, rtol=1e-5)
    assert flowed.in_support(z)


def of_a_label(given, stays):
    shift, log_scale = given["table"][given["label"]]
    return flows.Affine(shift + stays, log_scale[None])


def test_the_gradient_of_an_autoregressive_inverse_keeps_no_pass():
    """Of D passes of their networks it would keep all features."""
    size, width, N = 16, 256, 32
    net = networks.iaf(size, 1, (width,))
    params = jax.eval_shape(net.init, jax.random.key(0), jnp.ones(2))

    def loss(params, z):
        flow = net.apply(params, jnp.ones(2))
        return jnp.sum(jax.vmap(lambda z: flow.inverse_and_log_det(z)[0])(z) ** 2)

    z = jax.ShapeDtypeStruct((N, size), jnp.float32)
    memory = jax.jit(jax.grad(loss)).lower(params, z).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 4 * N * size * width
