"""ModelCache stay loaded as long as there is room for them."""

from dataclasses import replace
from pathlib import Path

import pytest

from danqing.errors import ModelNotFound
from danqing.jobs.model_cache import ModelCache
from danqing.settings import Settings
from tests.unit.jobs.requests import quick


def test_a_model_is_loaded_once_and_the_least_recently_used_is_dropped(shared_settings: Settings) -> None:
    models = ModelCache(shared_settings, device="auto", count=2)
    single, half, other = (quick(dtype=dtype) for dtype in ("float32", "bfloat16", "float16"))

    first, second = models.get(single), models.get(half)
    assert models.get(single) is first
    models.get(other)

    assert len(models) == 2
    assert models.get(single) is first
    assert models.get(half) is not second
    models.clear()
    assert len(models) == 0


def test_a_missing_model(shared_settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound):
        ModelCache(replace(shared_settings, home=tmp_path), device="cpu", count=2).get(quick())
