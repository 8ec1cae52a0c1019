"""Methods of a module as functions of its weights, for what is made where it is used."""

from dataclasses import dataclass
from typing import Any

from flax import linen as nn


@dataclass(frozen=True)
class Program:
    """A method of a module, of what is given; equal where the modules are, so that a compiled
    function knows a distribution or a flow again."""

    module: Any
    method: str

    def __call__(self, given: Any, *inputs: Any) -> Any:
        """What the method returns, of the features that are given, and the inputs."""
        rngs = {} if given["noise"] is None else {"dropout": given["noise"]}
        features, variables = given["features"], {"params": given["params"]}
        return self.module.apply(variables, features, *inputs, rngs=rngs, method=self.method)


def opened(module: nn.Module, features: Any) -> tuple[nn.Module, dict[str, Any]]:
    """The module without its weights, for programs, and what these are given: weights, features
    and a key of dropout, if there is one."""
    noise = module.make_rng("dropout") if module.has_rng("dropout") else None
    unbound, variables = module.unbind()
    return unbound, {"params": variables.get("params", {}), "features": features, "noise": noise}
