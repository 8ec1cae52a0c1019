"""A learned prior of codes."""

from typing import Any

import flax.linen as nn
import jax

from vae_jax.distributions import Coded, UniformCodes
from vae_jax.models.modules import prior_function, with_module, without_module
from vae_jax.models.record import VAE
from vae_jax.models.state import WithState, parted
from vae_jax.models.trace import trace
from vae_jax.types import Event, Key, Params


def with_code_prior(model: VAE, indices: nn.Module) -> VAE:
    """The same model of codes, whose indices have a prior that is learned.

        with_code_prior(with_codebook(model, 512), CodeTransformer(49, 512))

    Its rate is sampled (`sampled_rate`), and is what the codes of an example cost by it; of a prior
    that knows which codes go together it is less than the uniform one's. `train.fit_code_prior`
    fits it when the codes have been learned.

    Args:
      model: from `with_codebook` or another of its kind.
      indices: a Linen module, (c=None) -> a distribution of integers, one for each part of each
        position: `networks.CodeTransformer`; or of an `AutoregressiveHead` with another network.
        It is the parameter group "prior".

    Raises:
      TypeError: a module that is none; and, when it is called, a model without codes.
      ValueError: in `init`, a number of indices that is not the codes'.

    Reference: van den Oord, Vinyals, Kavukcuoglu 2017, arXiv 1711.00937, section 3.3.
    """
    indices_of = prior_function(indices)

    def prior(params: Params, c: Event = None, key: Key | None = None) -> Any:
        own = model.prior(params, c)
        if not isinstance(own, UniformCodes):
            raise TypeError(
                f"with_code_prior is for a model of codes, whose prior is uniform; got a"
                f" {type(own).__name__}: make one by with_codebook(model, num_codes)."
            )
        made, entries = parted(indices_of(params, c, key))
        coded = Coded(made, own.codes, own.shape)
        return WithState(coded, entries) if entries else coded

    def init(key: Key, x: Event, c: Event = None) -> Params:
        model_key, prior_key = jax.random.split(key)
        params = without_module(model.init(model_key, x, c), "prior")
        params = with_module(params, "prior", indices, prior_key, c)
        jax.eval_shape(lambda: trace(changed, params, key, x, c).z)  # checks the events
        return params

    changed = model._replace(init=init, prior=prior)
    return changed
