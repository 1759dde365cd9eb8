"""Models stay loaded as long as there is room for them."""

from dataclasses import replace
from pathlib import Path

import pytest

from danqing.errors import ModelNotFound
from danqing.jobs.model_cache import Models
from danqing.settings import Settings
from tests.unit.jobs.requests import quick


def test_a_model_is_loaded_once_and_the_oldest_goes_first(workshop: Settings) -> None:
    models = Models(workshop, device="auto", count=2)
    single, half, other = (quick(dtype=dtype) for dtype in ("float32", "bfloat16", "float16"))

    first, second = models.take(single), models.take(half)
    assert models.take(single) is first
    models.take(other)

    assert len(models) == 2
    assert models.take(single) is first
    assert models.take(half) is not second
    models.clear()
    assert len(models) == 0


def test_a_model_that_is_not_there(workshop: Settings, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound):
        Models(replace(workshop, home=tmp_path), device="cpu", count=2).take(quick())
