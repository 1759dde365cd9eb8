"""Selection of the fastest dtype."""

import json
from itertools import islice
from pathlib import Path

import pytest
import torch

from danqing.api import load
from danqing.events import Started, Warned
from danqing.pipeline.dtype import select_dtype
from tests.unit.pipeline.test_pipeline import quick

CPU = torch.device("cpu")


@pytest.mark.parametrize(("bfloat16", "selected"), [(0.5, "bfloat16"), (0.95, "float32"), (2.0, "float32")])
def test_half_precision_is_selected_only_if_it_is_faster(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bfloat16: float, selected: str
) -> None:
    def seconds(_: torch.device, dtype: torch.dtype) -> float:
        return 1.0 if dtype == torch.float32 else bfloat16

    monkeypatch.setattr("danqing.pipeline.dtype._seconds", seconds)
    assert select_dtype(CPU, tmp_path / "home") == selected


def test_the_result_is_measured_once_and_stored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = select_dtype(CPU, tmp_path)
    assert list(json.loads((tmp_path / "dtype.json").read_text()).values()) == [first]

    def fail(*_: object) -> float:
        raise AssertionError("measured again")

    monkeypatch.setattr("danqing.pipeline.dtype._seconds", fail)
    assert select_dtype(CPU, tmp_path) == first


@pytest.mark.parametrize("content", ["", "[]", '{"torch": 1'])
def test_a_damaged_file_is_replaced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str) -> None:
    def seconds(*_: object) -> float:
        return 1.0

    monkeypatch.setattr("danqing.pipeline.dtype._seconds", seconds)
    (tmp_path / "dtype.json").write_text(content)
    assert select_dtype(CPU, tmp_path) == "float32"
    assert json.loads((tmp_path / "dtype.json").read_text())


def test_auto_is_replaced_by_the_selected_dtype_in_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    def selected(*_: object) -> str:
        return "bfloat16"

    monkeypatch.setattr("danqing.pipeline.model.select_dtype", selected)
    pipeline = load("danqing_mini", device="cpu", dtype="auto")
    assert pipeline.model.dtype == torch.bfloat16
    assert pipeline.resolve(quick(dtype="auto")).dtype == "bfloat16"
    started, told = islice(pipeline.run(quick(dtype="auto")), 2)
    assert isinstance(started, Started)
    assert isinstance(told, Warned)
    assert "bfloat16" in told.zh
    assert "dtype.json" in told.en


def test_a_given_dtype_is_not_reported() -> None:
    assert load("danqing_mini", device="cpu").model.dtype_notice is None
