"""The recorded numbers of the originals, and the weights they were recorded with."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from .weights import selfcheck, weights  # pyright: ignore[reportUnknownVariableType]

Arrays = dict[str, NDArray[Any]]
Meta = dict[str, Any]

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def golden() -> Callable[[str], tuple[Arrays, Meta]]:
    """`golden(name)` reads data/NAME.npz and NAME.json."""

    def read(name: str) -> tuple[Arrays, Meta]:
        with np.load(DATA / f"{name}.npz") as file:
            arrays = {key: file[key] for key in file.files}
        return arrays, json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))

    return read


@pytest.fixture(scope="session")
def original_state() -> Callable[[Meta], dict[str, Tensor]]:
    """`original_state(meta)` makes the tensors that a published file of that network would hold."""
    selfcheck()

    def make(meta: Meta) -> dict[str, Tensor]:
        return {key: torch.as_tensor(weights(key, tuple(shape))) for key, shape in meta["keys"]}

    return make
