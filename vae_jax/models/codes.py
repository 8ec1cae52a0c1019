"""Tables of codes between encoder and decoder: VQ-VAEs."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from vae_jax.checks import check_count, check_within
from vae_jax.distributions import CodeTable, Quantised, ResidualCodes
from vae_jax.distributions.codes import Codes
from vae_jax.models.averages import Averages, first_averages, moved_averages, tables_of
from vae_jax.models.depth import trace_of_one_depth
from vae_jax.models.quantiser import Quantiser, with_quantiser
from vae_jax.models.record import VAE
from vae_jax.types import Array, Key, Params


def with_codebook(
    model: VAE,
    num_codes: int,
    *,
    groups: int = 1,
    decay: float | None = 0.99,
    cosine: bool = False,
    kmeans: bool = False,
    restart: float = 0.0,
) -> VAE:
    """The same model with its latents replaced by the nearest of K codes: a VQ-VAE.

        z_n = e_k, k = argmin_k |f_n - e_k|^2,   p(z) = K^-N,   f = the mean of the model's q(z|x)
        e_k = sums_k / counts_k,   counts_k <- g counts_k + (1 - g) n_k,
        sums_k <- g sums_k + (1 - g) sum of the features nearest to e_k,   per example

    The codes are the state's entry "codebook", not descended; they move where there is a key. Codes
    that are not used stay where they are. Descend the distortion and the commitment:

        model = with_codebook(vae(encoder, decoder, standard_gaussian(7, 7, 16)), 512)
        weighted_sum(model, [Term("distortion", distortion), Term("commitment", commitment, 0.25)])

    With decay=None the codes are parameters, the group "codebook", which the term `codebook` draws
    to the features; without it they stay where they are.

    Args:
      model: a VAE with one latent, an array of vectors [*positions, D]; such as with a `DeltaHead`.
        Of its prior but the shape of its events is used.
      num_codes: K.
      groups: G, of channels, each with K codes of its own: product quantisation, K^G vectors.
      decay: g, of the moving averages; None for codes that are learned by gradients.
      cosine: features and codes, of each group, are of length 1: the nearest is that of the
        largest cosine.
      kmeans: the first step of training makes the codes the centres of its batch.
      restart: a code that is chosen less often than this share of an equal one (0.01, say) is put
        at a vector of the batch; 0 for never. Both of these see the batch, in training.

    Returns:
      VAE, whose prior is uniform over the codes: its rate is N G log K.

    Raises:
      ValueError: num_codes < 1; decay not in (0, 1); restart not in 0.002 .. 1; k-means or restarts
        of learned codes; in `init`, a model whose prior is learned, or groups that do not divide D.

    Reference: van den Oord, Vinyals, Kavukcuoglu 2017, arXiv 1711.00937, section 3.2 and appendix
    A.1 (the moving averages, there of the counts of a batch; here of their mean over it). Where
    Laplace smoothing is usual, counts here stop to decay: smoothed, the sums of a code that is not
    used would decay without its count, and it would move. Of k-means and restarts Zeghidour et al.
    2021, arXiv 2107.03312, section III.C; of cosines Yu et al. 2022, arXiv 2110.04627.
    """
    check_count("num_codes", num_codes)
    check_count("groups", groups)
    averages = _averages(decay, restart, kmeans)
    scaled = _unit if cosine else _same

    def shape_of(size: int) -> tuple[int, ...]:
        if size % groups:
            raise ValueError(f"groups={groups} must divide the vectors, which are of D={size}.")
        return groups, num_codes, size // groups

    def features(f: Array) -> Array:
        if not cosine:
            return f
        return _unit(f.reshape(*f.shape[:-1], groups, -1)).reshape(f.shape)

    def codes(params: Params, key: Key | None = None) -> Codes:
        del key
        return CodeTable(scaled(_tables(params, decay)))

    own = Quantiser(_first(shape_of, averages, scaled), codes, features, _moves(averages))
    return with_quantiser(model, "with_codebook", own)


def with_residual_codes(
    model: VAE,
    num_codes: int,
    depth: int,
    *,
    dropout: float = 0.0,
    decay: float | None = 0.99,
    kmeans: bool = False,
    restart: float = 0.0,
) -> VAE:
    """The same model with its latents replaced by sums of codes, each of what is left over.

        r_1 = f,   e_p = the nearest to r_p of the K codes of table p,   r_p+1 = r_p - e_p
        z = (e_1, ..., e_P),   p(x|z) = p(x | sum_p e_p),   rate = N P log K

    z has the code of each stage, [*positions, P, D], and the decoder reads their sum. Tables, terms
    and options are those of `with_codebook`.

    Args:
      model: as in `with_codebook`.
      num_codes: K, of each stage.
      depth: P.
      dropout: probability that an example in training has but the first 1 .. P stages, so many of
        them being drawn evenly: then one model is one of each depth, see `at_depth`. The uniform
        prior of an example is of as many then; by a learned one, which is of all, the sampled
        rate of fewer is infinite.
      decay, kmeans, restart: as in `with_codebook`.

    Reference: Zeghidour et al. 2021, arXiv 2107.03312, section III.C (dropout = 1); Lee et al.
    2022, arXiv 2203.01941.
    """
    check_count("num_codes", num_codes)
    check_count("depth", depth)
    check_within("dropout", dropout, 0.0, 1.0)
    averages = _averages(decay, restart, kmeans, stages=True)

    def codes(params: Params, key: Key | None = None) -> Codes:
        tables = _tables(params, decay)
        if key is None or not dropout:
            return ResidualCodes(tables)
        whether, how_many = jax.random.split(key)
        fewer = jax.random.randint(how_many, (), 1, depth + 1)
        used = jnp.where(jax.random.bernoulli(whether, dropout), fewer, depth)
        return ResidualCodes(tables, used)

    first = _first(lambda size: (depth, num_codes, size), averages, _same)
    own = Quantiser(first, codes, moved=_moves(averages), read=_sum)
    made = with_quantiser(model, "with_residual_codes", own)
    return made._replace(trace=trace_of_one_depth) if dropout else made


def _averages(
    decay: float | None, restart: float, kmeans: bool, stages: bool = False
) -> Averages | None:
    """How the codes follow; None where they are learned."""
    if decay is None:
        if restart or kmeans:
            raise ValueError(
                "kmeans and restart move codes that follow by averages, and with decay=None they"
                " are learned: choose decay=0.99, or leave both out."
            )
        return None
    averages = Averages(decay, restart, kmeans, stages)
    averages.check()
    return averages


def _first(
    shape_of: Callable[[int], tuple[int, ...]],
    averages: Averages | None,
    scaled: Callable[[Array], Array],
) -> Callable[[Key, tuple[int, ...]], Params]:
    """Standard normal codes; those that are learned are of length 1 or so, and of cosines all."""

    def first(key: Key, event: tuple[int, ...]) -> Params:
        tables = jax.random.normal(key, shape_of(event[-1]))
        if averages is None:
            return {"codebook": {"codes": scaled(tables / jnp.sqrt(tables.shape[-1]))}}
        return {
            "state": {"codebook": first_averages(scaled(tables), math.prod(event[:-1]), averages)}
        }

    return first


def _moves(averages: Averages | None) -> Callable[[Params, Quantised, Key], Params]:
    def moved(params: Params, q: Quantised, key: Key) -> Params:
        if averages is None:
            return {}
        return {"codebook": moved_averages(params["state"]["codebook"], q, key, averages)}

    return moved


def _tables(params: Params, decay: float | None) -> Array:
    if decay is None:
        return params["codebook"]["codes"]
    return tables_of(params["state"]["codebook"])


def _same(x: Array) -> Array:
    return x


def _unit(x: Array) -> Array:
    """Vectors of length 1; of 0, 0."""
    length = jnp.sqrt(jnp.sum(x**2, axis=-1, keepdims=True) + 1e-12)
    return x / length


def _sum(z: Array) -> Array:
    return jnp.sum(z, axis=-2)
