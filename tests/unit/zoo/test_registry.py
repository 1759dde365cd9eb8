"""Where a model's files lie, and the user's own models."""

from pathlib import Path

import pytest

from danqing.errors import InvalidRequest, ModelNotFound
from danqing.settings import read_settings
from danqing.zoo.catalog import CLIP, MINI, ORIGINAL
from danqing.zoo.custom_models import check_name, own_model, own_models, read_own, write_own
from danqing.zoo.registry import find, find_clip, folder, installed, missing, spec_of
from tests.tiny_model import write_tiny_model, write_openai


def test_a_model_is_installed_when_all_needed_files_are_there(home: Path) -> None:
    settings = read_settings()
    assert not installed(ORIGINAL, settings)
    place = write_tiny_model(home / "models" / ORIGINAL)
    assert folder(spec_of(ORIGINAL), settings) == place
    assert installed(ORIGINAL, settings)
    assert find("auto", settings).spec.name == ORIGINAL
    assert "lpips" not in find(ORIGINAL, settings).paths
    (place / "clip.safetensors").unlink()
    assert missing(spec_of(ORIGINAL), settings) == ("clip.safetensors",)
    with pytest.raises(ModelNotFound, match=rf"clip\.safetensors.*danqing models install {ORIGINAL}"):
        find(ORIGINAL, settings)


def test_the_embedded_model_lies_in_the_package() -> None:
    settings = read_settings()
    assert settings.home not in folder(spec_of(MINI), settings).parents
    assert find("auto", settings).spec.name == MINI


def test_an_encoder_alone_cannot_paint() -> None:
    with pytest.raises(ModelNotFound, match=r"chinese-clip-vit-l-14 .*U-Net"):
        find("chinese-clip-vit-l-14", read_settings())


def test_a_wrong_name_brings_the_nearest() -> None:
    with pytest.raises(ModelNotFound, match="watercolordiffusion"):
        spec_of("watercolourdiffusion")


def test_a_clip_is_found_alone_or_in_a_model_that_has_it(home: Path) -> None:
    settings = read_settings()
    with pytest.raises(ModelNotFound, match=f"danqing models install {CLIP}"):
        find_clip(CLIP, settings)
    with pytest.raises(ModelNotFound, match=r"did you mean chinese-clip-rn50\?"):
        find_clip("chinese-clip-rn5", settings)
    assert find_clip(MINI, settings).weights == folder(spec_of(MINI), settings) / "clip.safetensors"
    write_own(settings, {"墨竹": own_model("x.pt", clips={"clip-rn101": 1.0, CLIP: 2.0}, secondary=True)})
    place = write_openai(home / "models" / "墨竹", number=1)
    with pytest.raises(ModelNotFound, match="not installed"):
        find_clip(CLIP, settings)
    for name in ("clip2.safetensors", "vocab2.txt"):
        (place / name).write_bytes(b"")
    assert find_clip("clip-rn101", settings).vocab == place / "vocab.txt.gz"
    assert find_clip(CLIP, settings).weights == place / "clip2.safetensors"
    alone = write_tiny_model(home / "models" / CLIP)
    assert find_clip(CLIP, settings).weights == alone / "clip.safetensors"


class TestOwnModels:
    def write(self, home: Path, text: str) -> None:
        home.mkdir(parents=True, exist_ok=True)
        (home / "models.yaml").write_text(text, encoding="utf-8")

    def test_several_clips_with_weights(self, home: Path) -> None:
        self.write(
            home,
            "墨竹:\n  unet: ink bamboo.pt\n  sources: [https://example.org/ink.pt]\n"
            f"  sha256: {'a' * 64}\n"
            "  clips: {chinese-clip-vit-b-16: 1, chinese-clip-vit-l-14: 0.5}\n  defaults: {size: [256, 256]}\n",
        )
        settings = read_settings()
        spec = spec_of("墨竹", settings)
        assert spec.is_custom
        assert spec.has_unet
        assert spec.defaults == {"size": [256, 256]}
        assert len(missing(spec, settings)) == 6
        place = write_tiny_model(home / "models" / "墨竹")
        for name in ("clip2.safetensors", "vocab2.txt"):
            (place / name).write_bytes(b"")
        ready = find("墨竹", settings)
        assert [(clip.weights.name, clip.vocab.name, clip.weight) for clip in ready.clips] == [
            ("clip.safetensors", "vocab.txt", 1.0),
            ("clip2.safetensors", "vocab2.txt", 0.5),
        ]
        assert ready.paths["clip"].name == "clip.safetensors"

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("- a", "unet"),
            ("墨竹: {unet: ../x.pt}", "墨竹: unet"),
            ("墨竹: {unet: x.pt, clips: {clip-rn51: 1}}", "clip-rn51"),
            ("墨竹: {unet: x.pt, clips: {}}", "墨竹: clips"),
            ("墨竹: {unet: x.pt, colour: red}", "墨竹: colour"),
            ("墨竹: {}", "墨竹: unet"),
            ("墨竹: {unet: x.pt, sources: [https://example.org/x.pt]}", "sha256"),
            ("../墨竹: {unet: x.pt}", "墨竹"),
            ("danqing_mini: {unet: x.pt}", "catalogue"),
            ("墨竹: [", "line 1"),
        ],
    )
    def test_mistakes_are_named(self, home: Path, text: str, says: str) -> None:
        self.write(home, text)
        with pytest.raises(InvalidRequest, match=r"models\.yaml") as caught:
            own_models(read_settings())
        assert says in caught.value.en

    def test_what_is_written_is_read_back(self) -> None:
        settings = read_settings()
        entry = own_model("x.pt", clips={}, secondary=False)
        write_own(settings, {"墨竹": entry})
        assert read_own(settings) == {"墨竹": entry}
        assert "clips" not in settings.models_file.read_text("utf-8")

    def test_names(self) -> None:
        settings = read_settings()
        write_own(settings, {"墨竹": own_model("x.pt", clips={}, secondary=True)})
        check_name("墨兰", settings)
        for name in ("墨竹", MINI, "a/b", ".hidden", ""):
            with pytest.raises(InvalidRequest):
                check_name(name, settings)
        with pytest.raises(InvalidRequest, match="clip-rn51"):
            own_model("x.pt", clips={"clip-rn51": 1.0}, secondary=True)
