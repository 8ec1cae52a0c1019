"""Sweeps over one hyperparameter, trained as members: what it does to rate, distortion and latents.

python -m experiments.sweeps.digits_beta
python -m experiments.sweeps.digits_latents
"""
