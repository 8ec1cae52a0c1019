"""A codebook between encoder and decoder, which follows the features by moving averages."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from vae_jax.checks import check_count, event_shape
from vae_jax.distributions import Distribution, Quantised, UniformCodes
from vae_jax.models.record import VAE
from vae_jax.models.state import WithState, merge_entries, parted
from vae_jax.models.trace import trace
from vae_jax.types import Array, Event, Key, Params

_SMALLEST = 1e-3  # of an equal share; a count below it decays no further: 0 / 0 would be next


def with_codebook(model: VAE, num_codes: int, *, decay: float = 0.99) -> VAE:
    """The same model with its latents replaced by the nearest of K codes: a VQ-VAE.

        z_n = e_k, k = argmin_k |f_n - e_k|^2,   p(z) = K^-N,   f = the mean of the model's q(z|x)
        e_k = sums_k / counts_k,   counts_k <- g counts_k + (1 - g) n_k,
        sums_k <- g sums_k + (1 - g) sum of the features nearest to e_k,   per example

    The codes are the state's entry "codebook", not descended; they move where there is a key. Codes
    that are not used stay where they are. Descend the distortion and the commitment:

        model = with_codebook(vae(encoder, decoder, standard_gaussian(7, 7, 16)), 512)
        weighted_sum(model, [Term("distortion", distortion), Term("commitment", commitment, 0.25)])

    Args:
      model: a VAE with one latent, an array of vectors [..., D]; such as with a `DeltaHead`. Of its
        prior but the shape of its events is used.
      num_codes: K.
      decay: g, of the moving averages.

    Returns:
      VAE, whose prior is uniform over the codes: its rate is N log K.

    Raises:
      ValueError: num_codes < 1; decay not in (0, 1); in `init`, a model whose prior is learned.

    Reference: van den Oord, Vinyals, Kavukcuoglu 2017, arXiv 1711.00937, section 3.2 and appendix
    A.1 (the moving averages, there of the counts of a batch; here of their mean over it).
    """
    check_count("num_codes", num_codes)
    if not 0 < decay < 1:
        raise ValueError(f"decay must be in (0, 1), such as 0.99; got {decay}.")

    def init(key: Key, x: Event, c: Event = None) -> Params:
        model_key, codes_key = jax.random.split(key)
        params = model.init(model_key, x, c)
        _check_fixed(params)
        event = event_shape(model.prior(params, c), key)
        entry = _first_codes(codes_key, num_codes, event)
        params = {**params, "state": {**params.get("state", {}), "codebook": entry}}
        jax.eval_shape(lambda: trace(changed, params, key, x, c).z)  # checks the events
        return params

    def encode(params: Params, x: Event, c: Event = None, key: Key | None = None) -> Any:
        made, entries = parted(model.encode(params, x, c, key))
        entry = params["state"]["codebook"]
        q = Quantised(made.mean(), _codes(entry))
        if key is None:
            return q
        return WithState(q, merge_entries(entries, {"codebook": _moved(entry, q, decay)}))

    def prior(params: Params, c: Event = None, key: Key | None = None) -> Distribution:
        shape = event_shape(model.prior(params, c), jax.random.key(0))
        return UniformCodes(_codes(params["state"]["codebook"]), shape)

    changed = model._replace(init=init, encode=encode, prior=prior)
    return changed


def _check_fixed(params: Params) -> None:
    if "prior" in params:
        raise ValueError(
            "with_codebook has a prior of its own, and of the model's uses the shape of its events:"
            " the parameters of a learned one would be carried and never descended. Give it a model"
            " of a fixed prior, such as standard_gaussian(7, 7, 16); a learned prior of the codes"
            " is with_prior(with_codebook(...), ...)."
        )


def _first_codes(key: Key, num_codes: int, event: Any) -> Params:
    """Standard normal, each as if it had been chosen as often as the others."""
    if not isinstance(event, tuple) or not event:
        raise ValueError(
            "with_codebook takes a model of one latent, an array of vectors [..., D]; got events of"
            f" shape {event}."
        )
    counts = jnp.full(num_codes, math.prod(event[:-1]) / num_codes)
    return {"counts": counts, "sums": counts[0] * jax.random.normal(key, (num_codes, event[-1]))}


def _codes(entry: Params) -> Array:
    return jax.vmap(jnp.divide)(entry["sums"], entry["counts"])


def _moved(entry: Params, q: Quantised, decay: float) -> Params:
    """The averages after one example: linear in it, so that their mean over a batch is right."""
    features = jax.lax.stop_gradient(q.features).reshape(-1, q.codes.shape[1])
    chosen = jax.nn.one_hot(q.index().ravel(), len(q.codes))  # [N, K]
    equal = len(features) / len(q.codes)
    kept = jnp.where(entry["counts"] < _SMALLEST * equal, 1.0, decay)  # [K]
    sums = jax.vmap(jnp.multiply)(kept, entry["sums"]) + (1 - decay) * chosen.T @ features
    return {"counts": kept * entry["counts"] + (1 - decay) * chosen.sum(axis=0), "sums": sums}
