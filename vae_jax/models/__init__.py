"""Models: which q(z|x), p(z) and p(x|z), as records of pure functions of one example.

vae      a VAE of Flax modules
chain    a VAE of several latents, inferred from the bottom up
ladder   the same from the top down, in a pass that posterior and prior share
with_prior, with_vamp_prior, with_codebook   the same model with another part
with_hamiltonian, with_riemannian_hamiltonian   draws that the model's own forces move
relaxed, hard   classes with a gradient through their draws, and without
trace    one pass through any of them: what was drawn, and from what
"""

from vae_jax.models.codes import with_codebook
from vae_jax.models.hamiltonian import with_hamiltonian
from vae_jax.models.hierarchies import chain
from vae_jax.models.ladder import Rung, ladder
from vae_jax.models.priors import with_prior, with_vamp_prior
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
    "chain",
    "hard",
    "ladder",
    "latents",
    "learned",
    "log_posterior",
    "log_prior",
    "relaxed",
    "trace",
    "trace_parts",
    "vae",
    "with_codebook",
    "with_hamiltonian",
    "with_prior",
    "with_riemannian_hamiltonian",
    "with_vamp_prior",
]
