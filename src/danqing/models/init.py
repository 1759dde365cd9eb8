"""Parameter initialisation for training; skipped when networks are built on the meta device for loading."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode


def normal_parameter(*shape: int, std: float = 1.0) -> nn.Parameter:
    """Return a parameter with normal values, mean 0."""
    return nn.Parameter(nn.init.normal_(torch.empty(shape), std=std))


class SkipInit(TorchFunctionMode):
    """Context in which `nn.init.normal_` does nothing.

    On the meta device it has no effect, but torch imports its compiler and sympy for it: a second of CPU time at every
    start.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """See `TorchFunctionMode`."""
        options = kwargs or {}
        return options["tensor"] if func is nn.init.normal_ else func(*args, **options)
