"""Bodies of networks that several tests take."""

from flax import linen as nn

from vae_jax.networks import MLP


class Up(nn.Module):
    """Features for the top rung of a ladder from those of the rung below."""

    dropout: float = 0.0

    @nn.compact
    def __call__(self, x, c=None):
        below = MLP((5,), dropout=self.dropout)(x)
        return MLP((4,))(below), below


class Normalised(nn.Module):
    """Dense, BatchNorm over the axis "batch" where its averages may move, ReLU."""

    size: int = 8

    @nn.compact
    def __call__(self, x, c=None):
        x = nn.Dense(self.size)(x.ravel())
        still = not self.is_mutable_collection("batch_stats")
        return nn.relu(nn.BatchNorm(still, momentum=0.9, axis_name="batch")(x))
