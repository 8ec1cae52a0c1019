"""Convolutional bodies that keep a map for a latent of each of its positions."""

import jax
import jax.numpy as jnp
import pytest

from vae_jax.networks import ConvDecoder, ConvEncoder, ResidualDecoder, ResidualEncoder

BODIES = [(ConvEncoder, ConvDecoder), (ResidualEncoder, ResidualDecoder)]


@pytest.mark.parametrize(("encoder", "decoder"), BODIES)
def test_the_smallest_map_is_kept_and_read(encoder, decoder):
    key, x, c = jax.random.key(0), jnp.zeros((9, 6, 1)), jnp.ones(2)

    def run(key):
        z, _ = encoder((3, 5), grid=True).init_with_output(key, x, c)
        made, variables = decoder((9, 6), (5, 3), grid=True).init_with_output(key, z, c)
        return z, made, variables["params"]

    z, made, params = jax.eval_shape(run, key)
    assert z.shape == (3, 2, 5)
    assert made.shape == (9, 6, 3)
    assert params["Conv_0"]["kernel"].shape == (3, 3, 7, 5)  # z, and c as two more channels
    assert "Dense_0" not in params


def test_each_position_of_z_moves_its_part_of_the_image():
    decoder, z = ConvDecoder((16, 16), (4, 4), grid=True), jnp.zeros((4, 4, 2))
    params = decoder.init(jax.random.key(0), z)
    moved = decoder.apply(params, z.at[0, 0].set(1.0)) != decoder.apply(params, z)
    rows, columns = jnp.nonzero(moved.any(-1))
    assert 4 < rows.max() < 15
    assert 4 < columns.max() < 15


@pytest.mark.parametrize("decoder", [ConvDecoder, ResidualDecoder])
def test_a_grid_of_another_size_is_refused(decoder):
    with pytest.raises(ValueError, match=r"a grid \[2, 2, D\], grid=True, and was given .* \[3, 2"):
        decoder((4, 4), (3,), grid=True).init(jax.random.key(0), jnp.zeros((3, 2, 5)))
