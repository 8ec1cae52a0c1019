"""What a chain does with its networks' dropout, and which networks it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from affine import Affine
from bodies import Normalised
from flax import linen as nn

from vae_jax import Gaussian, chain, standard_gaussian
from vae_jax.models import trace
from vae_jax.networks import MLP


class Seen(nn.Module):
    """Shows what it drops."""

    @nn.compact
    def __call__(self, x, c=None):
        ones = nn.Dropout(0.5, deterministic=not self.has_rng("dropout"))(jnp.ones(8))
        return Gaussian(ones, jnp.zeros(8))


def test_each_network_has_dropout_noise_of_its_own():
    model = chain([Seen()] * 2, [Seen()] * 2, standard_gaussian(8))
    params = {group: {"1": {}, "2": {}} for group in ("encoder", "decoder")}

    def masks(seed):
        noise = jax.random.key(seed)
        t = trace(model, params, noise, jnp.ones(8), noise=noise)
        return jnp.stack([t.q["z1"].loc, t.q["z2"].loc, t.p["z1"].loc, t.likelihood.loc])

    seen = np.asarray(jax.vmap(masks)(jnp.arange(20)))  # [20, 4, 8]
    assert set(np.unique(seen)) == {0.0, 2.0}
    for i in range(4):
        for j in range(i):  # 160 pairs of fair coins agree in half of the cases, error 0.04
            assert abs(np.mean(seen[:, i] == seen[:, j]) - 0.5) < 4.5 * 0.04
    t = trace(model, params, jax.random.key(0), jnp.ones(8))
    assert np.all(t.likelihood.loc == 1)  # no noise, no dropout
    assert np.any(model.encode(params, jnp.ones(8), None, jax.random.key(0)).mean()["z1"] != 1)
    z = {"z1": jnp.ones(8)}
    assert np.any(model.decode(params, z, None, jax.random.key(0)).loc != 1)


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_init_refuses_a_network_that_carries_something(place, key):
    layers = [Affine(()), Affine(()), Affine((3,)), Affine(())]
    layers[place] = nn.Sequential([Normalised(4), layers[place]])
    message = r"Sequential keeps \['batch_stats'\] besides its parameters.*a norm of one example"
    with pytest.raises(ValueError, match=message):
        chain(layers[:2], layers[2:], standard_gaussian()).init(key, jnp.zeros(3))


@pytest.mark.parametrize(("num_q", "num_p"), [(0, 0), (1, 2), (2, 1)])
def test_layers_without_a_partner_are_refused(num_q, num_p):
    message = f"one layer at least; got {num_q} encoders and {num_p} decoders"
    with pytest.raises(ValueError, match=message):
        chain([Affine(())] * num_q, [Affine(())] * num_p, standard_gaussian())


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"q2": Affine((4,))}, ValueError, r"prior is over .* \(\), the last encoder .* \(4,\)"),
        ({"p2": Affine((1,))}, ValueError, r"decoder 2 is over .* \(1,\), encoder 1 .* \(\)"),
        ({"p1": Affine((2,))}, ValueError, r"over events of shape \[2\], and x has shape \[3\]"),
        ({"q1": MLP((3,))}, TypeError, "What encoder 1 of the chain returns must be"),
        ({"p2": MLP((3,))}, TypeError, "What decoder 2 of the chain returns must be"),
        ({"prior": jnp.zeros(())}, TypeError, "The prior must be a vae_jax Distribution"),
    ],
)
def test_init_refuses_layers_that_do_not_fit(changed, error, message, key):
    parts = {"q1": Affine(()), "q2": Affine(()), "p1": Affine((3,)), "p2": Affine(())}
    parts = {**parts, "prior": standard_gaussian(), **changed}
    model = chain([parts["q1"], parts["q2"]], [parts["p1"], parts["p2"]], parts["prior"])
    with pytest.raises(error, match=message):
        model.init(key, jnp.zeros(3))
