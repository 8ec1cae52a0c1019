"""The fixture of the tests of experiments/papers/iwae."""

from tiny_mnist import tiny_data  # noqa: F401
