"""Kullback-Leibler divergences in closed form.

    KL(q || p) = E_q[log q(z) - log p(z)] >= 0, in nats, summed over the event's dimensions.

The closed forms stand in one table, keyed by the types of q and p. A pair that has none raises a
TypeError: an estimate by sampling has another name (`sampled_elbo`, `sampled_rate`), so that
nothing switches silently. One pair is one divergence, and `kl_factors` its summands, the KL of each
dimension.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from vae_jax.distributions import (
    Bernoulli,
    Categorical,
    Distribution,
    FullGaussian,
    Gaussian,
    Joint,
    OneHot,
    PowerSpherical,
    Quantised,
    StraightThroughOneHot,
    UniformCodes,
    UniformSphere,
    VonMisesFisher,
)
from vae_jax.distributions.full_gaussian import below_diagonal, solved
from vae_jax.distributions.gaussian import standardized
from vae_jax.types import Array, Event

ClosedForm = Callable[[Any, Any], Array]
_CLOSED_FORMS: dict[tuple[type, type], ClosedForm] = {}


def register_kl(q_type: type, p_type: type) -> Callable[[ClosedForm], ClosedForm]:
    """Decorate a function (q, p) -> KL(q || p), [] nats, as the closed form of a pair of types."""

    def register(closed_form: ClosedForm) -> ClosedForm:
        _CLOSED_FORMS[q_type, p_type] = closed_form
        return closed_form

    return register


def kl(q: Distribution, p: Distribution) -> Array:
    """KL(q || p) in closed form.

    Args:
      q, p: distributions over the same event, of one of the pairs (Gaussian, Gaussian), either of
        these or both a FullGaussian, (Bernoulli, Bernoulli), (Categorical, Categorical), (OneHot,
        OneHot), (StraightThroughOneHot, OneHot), (Joint, Joint), (Quantised, UniformCodes),
        (VonMisesFisher, UniformSphere), (PowerSpherical, UniformSphere), or a registered one.

    Returns:
      [] nats.

    Raises:
      TypeError: if the pair has no closed form.
      ValueError: if the events differ.
    """
    closed_form = _CLOSED_FORMS.get((type(q), type(p)))
    if closed_form is None and q.base_measure == "point":
        raise TypeError(
            f"KL({type(q).__name__} || {type(p).__name__}) is infinite: all of q's mass is at one"
            " point, so there is a distortion and no bound. Leave the rate out of the objective and"
            " pass rate=None to `fit`; or use a posterior with a density."
        )
    if closed_form is None:
        raise TypeError(
            f"KL({type(q).__name__} || {type(p).__name__}) has no closed form here. Estimate"
            " it by sampling: `sampled_elbo` for `elbo`, the term `sampled_rate` for `rate`,"
            " `rate=sampled_rate` for `fit` and `evaluate.elbos`; or, where there is one, add it"
            " with `register_kl`."
        )
    return closed_form(q._promoted(), p._promoted())


def kl_factors(q: Distribution, p: Distribution) -> Event:
    """The summands of KL(q || p), one for each of the independent dimensions of both.

        kl(q, p) = the sum over the factors

    Args:
      q, p: distributions over the same event, of one of the pairs (Gaussian, Gaussian),
        (Bernoulli, Bernoulli), (Categorical, Categorical), (OneHot, OneHot),
        (StraightThroughOneHot, OneHot), or (Joint, Joint) of these.

    Returns:
      Nats, an array of the shape of the event (of OneHot, of its variables); of Joint, a dict of
      them by part.

    Raises:
      TypeError: if the pair has no closed form, or one that is not known by dimensions.
      ValueError: if the events differ.
    """
    if isinstance(q, Joint) and isinstance(p, Joint):
        return {name: kl_factors(q.parts[name], p.parts[name]) for name in _same_names(q, p)}
    factors = _FACTORS.get((type(q), type(p)))
    if factors is None:
        raise TypeError(
            f"KL({type(q).__name__} || {type(p).__name__}) is not known by dimensions: use that of"
            " the whole event, `kl`, the term `rate`, or by sampling `sampled_rate`."
        )
    return factors(q._promoted(), p._promoted())


def _of_gaussian(q: Gaussian, p: Gaussian) -> Array:
    """1/2 ((s_q/s_p)^2 - 1 - log (s_q/s_p)^2 + ((loc_q - loc_p) / s_p)^2)."""
    _check_same("Gaussian", q.loc.shape, p.loc.shape)
    q._check_scale()
    p._check_scale()
    log_ratio = jnp.broadcast_to(q.log_scale - p.log_scale, q.loc.shape)
    shift = standardized(q.loc - p.loc, p.log_scale)
    return 0.5 * (jnp.expm1(2 * log_ratio) - 2 * log_ratio + shift**2)


def _of_bernoulli(q: Bernoulli, p: Bernoulli) -> Array:
    """q_d (log q_d - log p_d) + (1 - q_d) (log (1 - q_d) - log (1 - p_d))."""
    _check_same("Bernoulli", q.logits.shape, p.logits.shape)
    return _outcome(q.logits, p.logits) + _outcome(-q.logits, -p.logits)


def _of_categorical(q: Any, p: Any) -> Array:
    """sum_k  q_dk (log q_dk - log p_dk)."""
    _check_same(type(q).__name__, q.logits.shape, p.logits.shape)
    log_q, log_p = jax.nn.log_softmax(q.logits), jax.nn.log_softmax(p.logits)
    return jnp.sum(jnp.exp(log_q) * _log_ratio(log_q, log_p), axis=-1)


_FACTORS: dict[tuple[type, type], ClosedForm] = {
    (Gaussian, Gaussian): _of_gaussian,
    (Bernoulli, Bernoulli): _of_bernoulli,
    (Categorical, Categorical): _of_categorical,
    (OneHot, OneHot): _of_categorical,
    (StraightThroughOneHot, OneHot): _of_categorical,
}


@register_kl(Gaussian, Gaussian)
@register_kl(Bernoulli, Bernoulli)
@register_kl(Categorical, Categorical)
@register_kl(OneHot, OneHot)
@register_kl(StraightThroughOneHot, OneHot)
def _of_all_dimensions(q: Distribution, p: Distribution) -> Array:
    """The sum over the dimensions."""
    return jnp.sum(kl_factors(q, p))


@register_kl(FullGaussian, Gaussian)
def _full_and_diagonal(q: FullGaussian, p: Gaussian) -> Array:
    """That of the diagonal of q, and 1/2 sum_d (s_q/s_p)^2 |row d of T_q below the diagonal|^2."""
    q._check_shapes()
    diagonal = jnp.sum(_of_gaussian(Gaussian(q.loc, q.log_scale), p))
    ratio = jnp.exp(2 * jnp.ravel(q.log_scale - p.log_scale))
    return diagonal + 0.5 * jnp.sum(ratio * jnp.sum(below_diagonal(q.lower) ** 2, axis=1))


@register_kl(FullGaussian, FullGaussian)
def _full(q: FullGaussian, p: FullGaussian) -> Array:
    """1/2 (|M|^2 - D - 2 log det M + |m|^2), M = T_p^-1 (S_q / S_p) T_q, m = T_p^-1 shift / S_p."""
    _check_same("FullGaussian", q.loc.shape, p.loc.shape)
    q._check_shapes()
    p._check_shapes()
    log_ratio = jnp.ravel(q.log_scale - p.log_scale)
    unit = below_diagonal(q.lower) + jnp.eye(len(q.lower))
    M = solved(below_diagonal(p.lower), jnp.exp(log_ratio)[:, None] * unit)
    shift = solved(below_diagonal(p.lower), jnp.ravel(standardized(q.loc - p.loc, p.log_scale)))
    off = jnp.sum(below_diagonal(M) ** 2)
    return 0.5 * (jnp.sum(jnp.expm1(2 * log_ratio) - 2 * log_ratio + shift**2) + off)


@register_kl(Gaussian, FullGaussian)
def _diagonal_and_full(q: Gaussian, p: FullGaussian) -> Array:
    """That of q as one with no covariance."""
    q._check_scale()
    log_scale = jnp.broadcast_to(q.log_scale, q.loc.shape)
    return _full(FullGaussian(q.loc, log_scale, jnp.zeros_like(p.lower)), p)


@register_kl(Joint, Joint)
def _joint(q: Joint, p: Joint) -> Array:
    """The sum over the parts, which are independent."""
    return jnp.sum(jnp.stack([kl(q.parts[name], p.parts[name]) for name in _same_names(q, p)]))


@register_kl(Quantised, UniformCodes)
def _codes(q: Quantised, p: UniformCodes) -> Array:
    """N log K, whichever the codes are, of as many parts as q has in use."""
    _check_same("Quantised", jax.eval_shape(q.mean).shape, p.shape)
    return jnp.asarray(p.part_rate() * q.codes.parts(), float)


@register_kl(VonMisesFisher, UniformSphere)
@register_kl(PowerSpherical, UniformSphere)
def _on_the_sphere(q: VonMisesFisher | PowerSpherical, p: UniformSphere) -> Array:
    """log area less the entropy of q."""
    _check_same(type(q).__name__, q.direction.shape, (p.size,))
    return p.log_area() - q.entropy()


def _outcome(q_logits: Array, p_logits: Array) -> Array:
    """q_d (log q_d - log p_d), of one of the two outcomes."""
    log_q, log_p = jax.nn.log_sigmoid(q_logits), jax.nn.log_sigmoid(p_logits)
    return jax.nn.sigmoid(q_logits) * _log_ratio(log_q, log_p)


def _log_ratio(log_q: Array, log_p: Array) -> Array:
    """log q - log p; what q excludes costs nothing: 0 log 0 = 0."""
    return jnp.where(log_q == -jnp.inf, 0.0, log_q - log_p)


def _same_names(q: Joint, p: Joint) -> list[Any]:
    names, p_names = _names(q), _names(p)
    if names != p_names:
        raise ValueError(f"KL of Joint: q has the parts {names} and p has {p_names}.")
    return names


def _names(joint: Joint) -> list[Any]:
    return sorted(joint.parts) if isinstance(joint.parts, dict) else list(range(len(joint.parts)))


def _check_same(name: str, q_shape: tuple[int, ...], p_shape: tuple[int, ...]) -> None:
    if q_shape != p_shape:
        raise ValueError(
            f"KL of {name}: q has parameters of shape {q_shape} and p of shape {p_shape}; both must"
            " be over the same event. For a batch of q, use jax.vmap(kl, in_axes=(0, None))."
        )
