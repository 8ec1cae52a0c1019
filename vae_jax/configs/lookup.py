"""Configs by name: the package's, those of other installed packages, and a script's own.

Another package brings configs by entry points of the group `vae_jax.configs`, in pyproject.toml:

    [project.entry-points."vae_jax.configs"]
    my_config = "my_package.my_module:my_config"

Such a package is imported when one of its configs is asked for, and not before.
"""

from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import entry_points, version
from typing import NamedTuple

from vae_jax.configs.digits import digits, digits_conditional
from vae_jax.configs.experiment import Config
from vae_jax.configs.fashion import fashion_conv, fashion_fsq, fashion_vq
from vae_jax.configs.fixed_mnist import mnist_vamp, mnist_vamp_iaf_miwae
from vae_jax.configs.images import cifar10, cifar10_rvq, images
from vae_jax.configs.missing import table_missing
from vae_jax.configs.mnist import (
    mnist_categorical,
    mnist_flow_prior,
    mnist_iaf,
    mnist_iwae,
    mnist_pixelcnn,
    mnist_vae,
)
from vae_jax.configs.series import series
from vae_jax.configs.spaces import digits_gumbel, digits_hamiltonian, mnist_hyperspherical
from vae_jax.configs.text import shakespeare, shakespeare_wavenet, text
from vae_jax.configs.vectors import vectors

GROUP = "vae_jax.configs"  # of entry points

CONFIGS: dict[str, Config] = {
    config.__name__: config
    for config in (
        *(digits, digits_conditional, digits_gumbel, digits_hamiltonian),
        *(mnist_vae, mnist_iwae, mnist_categorical, mnist_pixelcnn, mnist_iaf, mnist_flow_prior),
        *(mnist_vamp, mnist_vamp_iaf_miwae, mnist_hyperspherical),
        *(fashion_conv, fashion_vq, fashion_fsq, cifar10, cifar10_rvq),
        *(images, vectors, series, text, shakespeare, shakespeare_wavenet, table_missing),
    )
}


class Named(NamedTuple):
    """A config, and who brings it.

    Fields:
      distribution, version: of the package that brings it, as pip knows it; None of a script's own.
      load: () -> the config: imports its package.
    """

    distribution: str | None
    version: str | None
    load: Callable[[], Config]


def names(own: Mapping[str, Config] | None = None) -> dict[str, list[Named]]:
    """Every name there is, and all that are called so; no package is imported.

    Args:
      own: configs of a script that is in no package, by name.
    """
    ours = version("vae_jax")
    found = {
        name: [Named("vae_jax", ours, partial(_same, config))] for name, config in CONFIGS.items()
    }
    for point in entry_points(group=GROUP):
        who = point.dist
        brought = Named(who.name if who else point.module, who.version if who else None, point.load)
        found.setdefault(point.name, []).append(brought)
    for name, config in (own or {}).items():
        found.setdefault(name, []).append(Named(None, None, partial(_same, config)))
    return found


def find(name: str, own: Mapping[str, Config] | None = None) -> Named:
    """The config of a name; it is not imported yet.

    Raises:
      ValueError: there is none of this name, or several.
    """
    found = names(own)
    if name not in found:
        raise ValueError(f"There is no config {name!r}; there are {', '.join(found)}.")
    if len(found[name]) > 1:
        who = " and ".join(one.distribution or "this script" for one in found[name])
        raise ValueError(
            f"The config {name!r} is brought by {who}: a name must be one package's. Uninstall one"
            " of them, or rename a config of your own."
        )
    return found[name][0]


def _same(config: Config) -> Config:
    return config
