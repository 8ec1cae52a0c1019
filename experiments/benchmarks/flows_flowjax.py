"""flowjax's part of the comparison of flows, under a Python that has it:

python -m experiments.benchmarks.flows_flowjax FLOW EPOCHS BATCH_SIZE LEARNING_RATE SEED NUMBER

Prints the mean log-density of draws that were not seen, in nats, and the seconds of training.
"""

import json
import sys
import time

import jax
import jax.numpy as jnp
import optax
from flowjax.bijections import Affine, RationalQuadraticSpline
from flowjax.distributions import Normal, Transformed
from flowjax.flows import coupling_flow, masked_autoregressive_flow
from flowjax.train import fit_to_data

from experiments.benchmarks.moons import moons


def main(
    flow: str, epochs: int, batch_size: int, learning_rate: float, seed: int, number: int
) -> dict[str, float]:
    """Train a flow, of the layers and widths of ours."""
    make_key, fit_key = jax.random.split(jax.random.key(seed))
    train, test = jnp.asarray(moons(number, 0)), jnp.asarray(moons(number, 1))
    base = Normal(jnp.zeros(2), jnp.ones(2))
    common = {"base_dist": base, "flow_layers": 4, "nn_width": 32}
    if flow == "maf":
        made = masked_autoregressive_flow(make_key, **common)
    else:
        spline = RationalQuadraticSpline(knots=8, interval=5)
        made = coupling_flow(make_key, transformer=spline, **common)
    made = Transformed(made, Affine(train.mean(0), train.std(0)))  # as ours begins
    steps = epochs * int(0.9 * number) // batch_size
    optimizer = optax.adam(optax.cosine_decay_schedule(learning_rate, steps))
    start = time.perf_counter()
    how = {"max_epochs": epochs, "max_patience": epochs, "batch_size": batch_size}
    fitted, _ = fit_to_data(
        fit_key, made, train, optimizer=optimizer, show_progress=False, val_prop=0.1, **how
    )
    seconds = time.perf_counter() - start
    return {"log_p": float(fitted.log_prob(test).mean()), "seconds": seconds}


if __name__ == "__main__":
    kinds = (str, int, int, float, int, int)
    print(json.dumps(main(*(kind(a) for kind, a in zip(kinds, sys.argv[1:], strict=True)))))
