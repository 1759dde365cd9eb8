"""The table of models, and the page that shows it."""

import re
from dataclasses import replace

import pytest

from danqing.request import Request, read_request
from danqing.zoo.catalog import DEFAULT_CLIP, MINI, ORIGINAL, catalog, model_files, models
from danqing.zoo.catalog.unets import UNETS
from danqing.zoo.spec import ModelSpec, RemoteFile, WeightFile

SIBLINGS = {f"disco_diffusion_clip_{name}" for name in ("vitb32", "rn50", "rn101")}


def published() -> set[RemoteFile]:
    return {part for spec in catalog().values() if not spec.is_embedded for file in spec.files for part in file.parts}


def test_entries_are_complete() -> None:
    for name, spec in catalog().items():
        assert spec.name == name
        roles = {file.role for file in spec.files}
        assert roles == {"upscaler"} if spec.kind == "upscaler" else {"clip", "vocab"} <= roles
        assert spec.has_unet == (spec.kind == "model") == ("unet" in roles)
        assert spec.licence
        assert spec.title_zh
        assert spec.title_en
        assert spec.size_bytes > 100_000
        names = [file.installed for file in spec.files]
        assert len(set(names)) == len(names)


def test_the_models_of_the_family_are_known() -> None:
    assert next(iter(models())) == ORIGINAL
    assert len(UNETS) == 14
    assert {row.name for row in UNETS} | SIBLINGS | {ORIGINAL, MINI} == {
        name for name, spec in catalog().items() if spec.has_unet
    }
    encoders = {name for name, spec in catalog().items() if spec.kind == "encoder"}
    assert {f"chinese-clip-{name}" for name in ("vit-b-16", "vit-l-14", "vit-l-14-336", "vit-h-14", "rn50")} < encoders
    assert {f"clip-{name}" for name in ("vit-b-32", "vit-b-16", "vit-l-14", "rn50", "rn101")} < encoders
    assert len(encoders) == 10


def test_every_clip_has_a_name_and_files_with_its_number() -> None:
    assert all(spec.has_unet for spec in models().values())
    for spec in catalog().values():
        for role in ("clip", "vocab"):
            numbers = [file.clip_index for file in spec.files if file.role == role]
            assert numbers == list(range(1, len(spec.clips) + 1))


def test_published_files_have_addresses_and_checksums() -> None:
    for part in published():
        assert part.sources
        assert part.expected_size > 0
        assert all(re.fullmatch(r"https://\S+|(hf|ms):[\w.-]+(/[\w.-]+){2,}", source) for source in part.sources)
        # OFA-Sys publish none
        assert part.name.startswith("clip_cn_") or re.fullmatch("[0-9a-f]{64}", part.sha256 or "")
    assert len({part.name for part in published()}) == len(published())
    sums = [part.sha256 for part in published() if part.sha256]
    assert len(set(sums)) == len(sums)


def test_the_defaults_of_a_model_are_a_valid_request() -> None:
    for spec in catalog().values():
        assert read_request({"prompts": "山", **spec.defaults})


@pytest.mark.parametrize("spec", [spec for spec in catalog().values() if spec.has_unet], ids=lambda spec: spec.name)
def test_a_draft_takes_fewer_steps_and_a_fine_picture_more(spec: ModelSpec) -> None:
    asked = [read_request({"prompts": "山", "quality": quality}) for quality in ("draft", "standard", "fine")]
    draft, standard, fine = (request.with_defaults(spec.defaults_for(request)) for request in asked)
    assert draft.steps < standard.steps
    assert standard.with_defaults(spec.defaults_for(standard)) == standard
    assert (standard.steps, sketching(standard)) < (fine.steps, sketching(fine))


def sketching(request: Request) -> float:
    return sum(request.sketches.at(moment) for moment in range(1000))


def test_given_values_override_the_quality() -> None:
    request = read_request({"prompts": "山", "quality": "draft", "steps": 33})
    for spec in models().values():
        assert request.with_defaults(spec.defaults_for(request)).steps == 33


def test_models_without_qualities_scale_their_steps() -> None:
    spec = replace(models()[ORIGINAL], defaults={"steps": 60})
    steps = [
        dict(spec.defaults_for(read_request({"prompts": "山", "quality": q})))["steps"]
        for q in ("draft", "standard", "fine")
    ]
    assert steps == [20, 60, 120]


def test_several_clips_have_files_of_their_own() -> None:
    files = model_files(
        WeightFile("unet", (RemoteFile("u.pt"),)), {DEFAULT_CLIP: 1.0, "clip-rn50": 0.5}, secondary=False
    )
    assert [file.installed for file in files] == [
        "unet.safetensors",
        "clip.safetensors",
        "vocab.txt",
        "clip2.safetensors",
        "vocab2.txt.gz",
        "lpips.safetensors",
    ]
    with pytest.raises(KeyError):
        model_files(WeightFile("unet", (RemoteFile("u.pt"),)), {"clip-rn51": 1.0})
