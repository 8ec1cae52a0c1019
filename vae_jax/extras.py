"""What needs more than the library itself, and how that is installed: every message asks here."""

_INSTALL = "pip install '.[{extra}]'"  # the package is on no index: see README
_WHERE = "in a clone of vae_jax"


def install(extra: str) -> str:
    """How an extra of the package is installed, in a message."""
    return f"{_INSTALL.format(extra=extra)} {_WHERE}"


def lacking(what: str, package: str, extra: str) -> ImportError:
    """That something needs a package, which is not installed, and how to have it.

    Args:
      what: needs it, the beginning of a sentence.
      package: as pip knows it.
      extra: of vae_jax, that brings it.
    """
    how = f"{install(extra)}, or pip install {package}"
    return ImportError(f"{what} needs {package}, which is not installed: {how}.")
