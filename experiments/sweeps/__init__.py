"""Sweeps on the digits: what one hyperparameter does to rate, distortion and latents.

python -m experiments.sweeps.digits_beta
python -m experiments.sweeps.digits_latents
python -m experiments.sweeps.digits_capacity
"""
