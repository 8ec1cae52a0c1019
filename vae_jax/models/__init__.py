"""Models: which q(z|x), p(z) and p(x|z), as records of pure functions of one example.

vae      a VAE of Flax modules
chain    a VAE of several latents, inferred from the bottom up
ladder   the same from the top down, in a pass that posterior and prior share
with_prior, with_vamp_prior, with_exemplar_prior   the same model with another prior
with_codebook, with_residual_codes, with_fsq, with_lfq, with_bsq   with codes for its latents
with_code_prior   of such a model, with a prior of its codes
with_hamiltonian, with_riemannian_hamiltonian   draws that the model's own forces move
relaxed, hard   classes with a gradient through their draws, and without
with_optimal_scale   with the one variance that is best of a batch
trace    one pass through any of them: what was drawn, and from what
"""

from vae_jax.models.code_prior import with_code_prior
from vae_jax.models.codes import with_codebook, with_residual_codes
from vae_jax.models.depth import at_depth
from vae_jax.models.hamiltonian import with_hamiltonian
from vae_jax.models.hierarchies import chain
from vae_jax.models.ladder import Rung, ladder
from vae_jax.models.lattices import with_bsq, with_fsq, with_lfq
from vae_jax.models.optimal import with_optimal_scale
from vae_jax.models.priors import with_exemplar_prior, with_prior, with_vamp_prior
from vae_jax.models.pseudo_inputs import of_examples, of_noise
from vae_jax.models.record import VAE, learned
from vae_jax.models.relaxed import hard, relaxed
from vae_jax.models.riemannian import with_riemannian_hamiltonian
from vae_jax.models.state import WithState
from vae_jax.models.trace import Trace, latents, log_posterior, log_prior, trace, trace_parts
from vae_jax.models.vae import vae

__all__ = [
    "VAE",
    "Rung",
    "Trace",
    "WithState",
    "at_depth",
    "chain",
    "hard",
    "ladder",
    "latents",
    "learned",
    "log_posterior",
    "log_prior",
    "of_examples",
    "of_noise",
    "relaxed",
    "trace",
    "trace_parts",
    "vae",
    "with_bsq",
    "with_code_prior",
    "with_codebook",
    "with_exemplar_prior",
    "with_fsq",
    "with_hamiltonian",
    "with_lfq",
    "with_optimal_scale",
    "with_prior",
    "with_residual_codes",
    "with_riemannian_hamiltonian",
    "with_vamp_prior",
]
