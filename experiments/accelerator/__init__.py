"""Everything that we want to know of a GPU, in the order of its worth, in a few minutes.

    python -m experiments.accelerator --raw FOLDER --out FOLDER --minutes 9
    python -m experiments.accelerator --out results --table

Four parts, each a process of its own with a share of the minutes: is it right there, the table of
published numbers, is it fast, is it big. What a part does not use, those after it have; what is
left at the end goes to the table. Each writes what it has found after every item of it, and says
what it has left out. Nothing is installed or downloaded: jax, flax, optax, chex, orbax and, for the
comparison, torch are what it needs, and the raw files of MNIST.
"""
