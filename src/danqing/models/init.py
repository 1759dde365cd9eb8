"""Fresh parameters, as training wants them; the loader builds on `meta` and leaves them empty."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode


def normal_parameter(*shape: int, std: float = 1.0) -> nn.Parameter:
    """Normal numbers around 0."""
    return nn.Parameter(nn.init.normal_(torch.empty(shape), std=std))


class SkipInit(TorchFunctionMode):
    """While this is on, `nn.init.normal_` draws nothing.

    On `meta` nothing would be kept, but torch imports a compiler and a symbolic algebra before it finds that out: a second
    of processor time at every start.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """See `TorchFunctionMode`."""
        named = kwargs or {}
        return named["tensor"] if func is nn.init.normal_ else func(*args, **named)
