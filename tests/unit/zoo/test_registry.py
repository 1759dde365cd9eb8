"""Installed files, and the user's own models."""

from pathlib import Path

import pytest

from danqing.errors import InvalidRequest, ModelNotFound
from danqing.settings import read_settings
from danqing.zoo.catalog import DEFAULT_CLIP, MINI, ORIGINAL
from danqing.zoo.custom_models import check_name, custom_specs, load_custom, make_custom, save_custom
from danqing.zoo.registry import get_installed, get_installed_clip, get_spec, is_installed, missing_names, model_dir
from tests.tiny_model import write_openai, write_tiny_model


def test_a_model_is_installed_when_all_needed_files_are_there(home: Path) -> None:
    settings = read_settings()
    assert not is_installed(ORIGINAL, settings)
    place = write_tiny_model(home / "models" / ORIGINAL)
    assert model_dir(get_spec(ORIGINAL), settings) == place
    assert is_installed(ORIGINAL, settings)
    assert get_installed("auto", settings).spec.name == ORIGINAL
    assert "lpips" not in get_installed(ORIGINAL, settings).paths
    (place / "clip.safetensors").unlink()
    assert missing_names(get_spec(ORIGINAL), settings) == ("clip.safetensors",)
    with pytest.raises(ModelNotFound, match=rf"clip\.safetensors.*danqing models install {ORIGINAL}"):
        get_installed(ORIGINAL, settings)


def test_the_embedded_model_lies_in_the_package() -> None:
    settings = read_settings()
    assert settings.home not in model_dir(get_spec(MINI), settings).parents
    assert get_installed("auto", settings).spec.name == MINI


def test_an_encoder_alone_cannot_paint() -> None:
    with pytest.raises(ModelNotFound, match=r"chinese-clip-vit-l-14 .*U-Net"):
        get_installed("chinese-clip-vit-l-14", read_settings())


def test_a_wrong_name_brings_the_nearest() -> None:
    with pytest.raises(ModelNotFound, match="watercolordiffusion"):
        get_spec("watercolourdiffusion")


def test_a_clip_is_found_alone_or_in_a_model_that_has_it(home: Path) -> None:
    settings = read_settings()
    with pytest.raises(ModelNotFound, match=f"danqing models install {DEFAULT_CLIP}"):
        get_installed_clip(DEFAULT_CLIP, settings)
    with pytest.raises(ModelNotFound, match=r"did you mean chinese-clip-rn50\?"):
        get_installed_clip("chinese-clip-rn5", settings)
    assert get_installed_clip(MINI, settings).weights == model_dir(get_spec(MINI), settings) / "clip.safetensors"
    save_custom(settings, {"墨竹": make_custom("x.pt", clips={"clip-rn101": 1.0, DEFAULT_CLIP: 2.0}, secondary=True)})
    place = write_openai(home / "models" / "墨竹", number=1)
    with pytest.raises(ModelNotFound, match="not installed"):
        get_installed_clip(DEFAULT_CLIP, settings)
    for name in ("clip2.safetensors", "vocab2.txt"):
        (place / name).write_bytes(b"")
    assert get_installed_clip("clip-rn101", settings).vocab == place / "vocab.txt.gz"
    assert get_installed_clip(DEFAULT_CLIP, settings).weights == place / "clip2.safetensors"
    alone = write_tiny_model(home / "models" / DEFAULT_CLIP)
    assert get_installed_clip(DEFAULT_CLIP, settings).weights == alone / "clip.safetensors"


class TestCustomModels:
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
        spec = get_spec("墨竹", settings)
        assert spec.is_custom
        assert spec.has_unet
        assert spec.defaults == {"size": [256, 256]}
        assert len(missing_names(spec, settings)) == 6
        place = write_tiny_model(home / "models" / "墨竹")
        for name in ("clip2.safetensors", "vocab2.txt"):
            (place / name).write_bytes(b"")
        ready = get_installed("墨竹", settings)
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
            ("danqing_mini: {unet: x.pt}", "built-in"),
            ("墨竹: [", "line 1"),
        ],
    )
    def test_errors_are_named(self, home: Path, text: str, says: str) -> None:
        self.write(home, text)
        with pytest.raises(InvalidRequest, match=r"models\.yaml") as caught:
            custom_specs(read_settings())
        assert says in caught.value.en

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030", "big5"])
    def test_the_file_may_have_any_encoding(self, home: Path, encoding: str) -> None:
        self.write(home, "")
        (home / "models.yaml").write_bytes("墨竹: {unet: 竹.pt, title: 墨竹圖}".encode(encoding))
        assert load_custom(read_settings())["墨竹"].title == "墨竹圖"

    def test_saved_models_are_loaded_again(self) -> None:
        settings = read_settings()
        entry = make_custom("x.pt", clips={}, secondary=False)
        save_custom(settings, {"墨竹": entry})
        assert load_custom(settings) == {"墨竹": entry}
        assert "clips" not in settings.models_file.read_text("utf-8")

    def test_names(self) -> None:
        settings = read_settings()
        save_custom(settings, {"墨竹": make_custom("x.pt", clips={}, secondary=True)})
        check_name("墨兰", settings)
        for name in ("墨竹", MINI, "a/b", ".hidden", ""):
            with pytest.raises(InvalidRequest):
                check_name(name, settings)
        with pytest.raises(InvalidRequest, match="clip-rn51"):
            make_custom("x.pt", clips={"clip-rn51": 1.0}, secondary=True)
