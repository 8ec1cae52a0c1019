"""Sweeps, small: what one choice does to rate, distortion, latents and gradients.

python -m experiments.sweeps.digits_beta
python -m experiments.sweeps.digits_latents
python -m experiments.sweeps.digits_capacity
python -m experiments.sweeps.collapse
python -m experiments.sweeps.fashion_sigma
python -m experiments.sweeps.gradient_depth
"""
