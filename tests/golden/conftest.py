"""The recorded numbers of the originals, and the weights they were recorded with."""

import json
from collections.abc import Callable, Iterator
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


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """One thread, as the numbers were recorded; on a busy machine it is also the fastest."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


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
