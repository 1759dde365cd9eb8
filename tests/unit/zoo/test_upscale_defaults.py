"""Size and factor of a model that enlarges by default, and the upscaler of a request."""

from dataclasses import replace
from pathlib import Path

import pytest

from danqing.errors import InvalidRequest, ModelNotFound
from danqing.request import read_request
from danqing.settings import read_settings
from danqing.zoo.catalog import MINI, catalog
from danqing.zoo.registry import get_installed_upscaler
from danqing.zoo.resolve_request import resolve_request
from danqing.zoo.spec import ModelSpec
from tests.tiny_upscaler import install_tiny_upscaler


def enlarging() -> ModelSpec:
    """The embedded model as one that paints 128x128 and enlarges it to 512x512."""
    spec = catalog()[MINI]
    return replace(spec, defaults={**spec.defaults, "size": (512, 512), "upscale": 4})


@pytest.mark.parametrize(
    ("given", "size", "upscale"),
    [
        ({}, (512, 512), 4),
        ({"upscale": 1}, (128, 128), 1),
        ({"upscale": 2}, (256, 256), 2),
        ({"size": "512x512"}, (512, 512), 4),
        ({"size": "768x512"}, (768, 512), 4),
        ({"size": "1280x768"}, (1280, 768), 4),
        ({"size": "256x256"}, (256, 256), 2),
        ({"size": "384x256"}, (384, 256), 2),
        ({"size": "128x128"}, (128, 128), 1),
        ({"size": "320x192"}, (320, 192), 1),
        ({"size": "256x256", "upscale": 4}, (256, 256), 4),
    ],
)
def test_size_and_factor_suit_each_other(given: dict[str, object], size: tuple[int, int], upscale: int) -> None:
    for quality in ("draft", "standard", "fine"):
        request = read_request({"prompts": "山", "quality": quality, **given})
        complete = request.with_defaults(enlarging().defaults_for(request))
        assert (complete.size, complete.upscale) == (size, upscale)
        assert complete.with_defaults(enlarging().defaults_for(complete)) == complete


def test_a_model_that_does_not_enlarge_keeps_its_canvas_when_asked_to() -> None:
    spec = replace(catalog()[MINI], defaults={"size": (512, 448)})
    request = read_request({"prompts": "山", "upscale": 2})
    assert request.with_defaults(spec.defaults_for(request)).size == (1024, 896)
    sized = read_request({"prompts": "山", "size": "1024x1024"})
    assert sized.with_defaults(spec.defaults_for(sized)).upscale == 1


def test_the_complete_request_names_its_upscaler(home: Path) -> None:
    settings, spec = read_settings(), replace(catalog()[MINI], upscaler=None)
    request = read_request({"prompts": "山", "upscale": 4})
    install_tiny_upscaler(home)
    complete = resolve_request(request, spec, settings)
    assert complete.upscaler == "realesr-general-x4v3"
    assert resolve_request(complete, spec, settings) == complete
    with pytest.raises(ModelNotFound, match="real-esrgan-x2plus"):
        resolve_request(request.with_changes(upscaler="real-esrgan-x2plus"), spec, settings)
    with pytest.raises(ModelNotFound, match=r"\.\./secret"):  # never a file
        resolve_request(request.with_changes(upscaler="../secret.pth"), spec, settings)


def test_the_limit_of_pixels_counts_what_is_painted(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_tiny_upscaler(home)
    monkeypatch.setenv("DANQING_MAX_PIXELS", str(512 * 512))
    settings, spec = read_settings(), catalog()[MINI]
    assert resolve_request(read_request({"prompts": "山", "size": "1024x1024", "upscale": 2}), spec, settings)
    with pytest.raises(InvalidRequest, match="1024x1024"):
        resolve_request(read_request({"prompts": "山", "size": "2048x2048", "upscale": 2}), spec, settings)


def test_an_installed_upscaler_is_preferred_to_the_embedded_one(home: Path) -> None:
    install_tiny_upscaler(home, "real-esrgan-x2plus")
    assert get_installed_upscaler("auto", read_settings()).name == "real-esrgan-x2plus"
