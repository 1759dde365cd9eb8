"""The 34 parameters of the PaddleHub module, and the requests that they are converted to."""

import ast
from pathlib import Path
from typing import cast

import pytest

from danqing.errors import InvalidRequest
from danqing.i18n import Language
from danqing.paddlehub.parameters import PARAMETERS, find_parameter, to_parameters, to_request, to_tags
from danqing.request import read_request

# Copied from the contract: the method's parameters in their order, and their defaults as Python writes them.
CONTRACT = """
text_prompts           required
style                  None
artist                 None
init_image             None
width_height           [1280, 768]
skip_steps             0
steps                  250
cut_ic_pow             1
init_scale             1000
clip_guidance_scale    5000
tv_scale               0
range_scale            0
sat_scale              0
cutn_batches           4
diffusion_sampling_mode 'ddim'
perlin_init            False
perlin_mode            'mixed'
seed                   None
eta                    0.8
clamp_grad             True
clamp_max              0.05
randomize_class        True
clip_denoised          False
fuzzy_prompt           False
rand_mag               0.05
cut_overview           '[12]*400+[4]*600'
cut_innercut           '[4]*400+[12]*600'
cut_icgray_p           '[0.2]*400+[0]*600'
display_rate           10
n_batches              1
batch_size             1
batch_name             ''
use_gpu                True
output_dir             'disco_diffusion_cnclip_vitb16_out'
"""


def contract() -> dict[str, object]:
    rows = (line.split(maxsplit=1) for line in CONTRACT.strip().splitlines())
    return {name: ... if value == "required" else ast.literal_eval(value) for name, value in rows}


def plain(value: object) -> object:
    return list(cast("tuple[object, ...]", value)) if isinstance(value, tuple) else value


def test_the_table_is_the_contracts() -> None:
    assert len(PARAMETERS) == 34
    assert [(p.name, plain(p.default)) for p in PARAMETERS] == list(contract().items())


def test_the_contracts_defaults_are_those_of_a_request() -> None:
    spelled_out = to_request({"text_prompts": "山", **{n: v for n, v in contract().items() if v is not ...}})
    untouched = read_request({"prompts": "山"})
    assert spelled_out == untouched.with_changes(device="auto")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_parameter_has_help(language: Language) -> None:
    assert all(parameter.help(language) for parameter in PARAMETERS)


def test_only_what_is_given_is_set() -> None:
    request = to_request({"text_prompts": ["山"], "steps": 20, "seed": None, "output_dir": "out"})
    assert request.model_fields_set == {"prompts", "steps"}
    assert request.prompts == ("山",)


def test_names_that_differ_find_their_fields() -> None:
    request = to_request(
        {"text_prompts": "山", "width_height": [512, 448], "diffusion_sampling_mode": "plms", "use_gpu": False}
    )
    assert (request.size, request.sampler, request.device) == ((512, 448), "plms", "cpu")
    assert to_request({"text_prompts": "山", "use_gpu": True}).device == "auto"


@pytest.mark.parametrize(
    ("asked", "painted"), [((1280, 768), (1280, 768)), ((1300, 800), (1280, 768)), ((127, 64), (64, 64))]
)
def test_sides_are_floored(asked: tuple[int, int], painted: tuple[int, int]) -> None:
    assert to_request({"text_prompts": "山", "width_height": list(asked)}).size == painted


@pytest.mark.parametrize("size", [[63, 640], [640], [640, "big"], [True, 64], "wide", 640])
def test_sizes_that_cannot_be_painted_are_refused(size: object) -> None:
    with pytest.raises(InvalidRequest):
        to_request({"text_prompts": "山", "width_height": size})


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("孤舟蓑笠翁，独钓寒江雪。", "孤舟蓑笠翁，独钓寒江雪"),
        ("孤舟。:0.5", "孤舟:0.5"),
        ("孤舟.，：2", "孤舟：2"),
        ("时间 12:30, 孤舟", "时间 12:30, 孤舟"),
        ("  孤舟  ", "孤舟"),
    ],
)
def test_stops_at_the_end_of_the_first_prompt_are_cut_off(given: str, kept: str) -> None:
    request = to_request({"text_prompts": [given, "远山。"], "artist": "齐白石"})
    assert request.prompts == (kept, "远山。")
    first = request.parsed_prompts()[0]
    assert first.text.endswith("，由齐白石所作")
    assert "。，" not in first.text


def test_style_and_artist_join_the_first_prompt_only_and_the_list_is_left_alone() -> None:
    prompts = ["孤舟。", "远山"]
    composed = to_request({"text_prompts": prompts, "style": "水墨画", "artist": "齐白石"}).parsed_prompts()
    assert [prompt.text for prompt in composed] == ["孤舟，水墨画，由齐白石所作", "远山"]
    assert prompts == ["孤舟。", "远山"]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"text_promts": "山"}, "text_prompts"),
        ({"text_prompts": ""}, "画题"),
        ({"text_prompts": []}, "prompts"),
        ({"text_prompts": 7}, "prompts"),
        ({"text_prompts": [7]}, "prompts"),
        ({}, "prompts"),
        ({"text_prompts": "。"}, "画题"),
        ({"text_prompts": "山", "use_gpu": "maybe"}, "use_gpu"),
        ({"text_prompts": "山", "steps": 0}, "steps"),
        ({"text_prompts": "山", "cut_overview": "__import__('os')"}, "全图切片数"),
    ],
)
def test_what_cannot_be_used_is_named(values: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidRequest, match=says):
        to_request(values)


def test_hyphens_count_as_underscores() -> None:
    assert find_parameter("width-height").name == "width_height"


def test_a_request_goes_back_to_plain_parameters() -> None:
    request = read_request({"prompts": ["山", "水:2"], "size": (512, 448), "seed": 7, "device": "cpu"})
    values = to_parameters(request)
    assert list(values) == [p.name for p in PARAMETERS if p.name != "output_dir"]
    assert values["text_prompts"] == ["山", "水:2"]
    assert values["width_height"] == [512, 448]
    assert values["cut_overview"] == "[12]*400+[4]*600"
    assert values["tv_scale"] == 0
    assert values["clamp_max"] == 0.05
    assert values["seed"] == 7
    assert values["use_gpu"] is False
    assert to_request(values).model_dump() == request.model_dump()


def test_values_that_the_original_accepts_are_accepted(tmp_path: Path) -> None:
    request = to_request(
        {"text_prompts": "山", "perlin_init": True, "perlin_mode": "mix", "init_image": tmp_path / "a.png"}
    )
    assert (request.perlin_mode, request.init_image) == ("mixed", str(tmp_path / "a.png"))


def test_the_first_prompt_in_the_tags_includes_style_and_artist() -> None:
    request = to_request({"text_prompts": ["孤舟:2", "雪"], "style": "水墨画", "artist": "齐白石"})
    tags = to_tags(request)
    assert tags["text_prompts"] == ["孤舟，水墨画，由齐白石所作:2", "雪"]
    assert tags["style"] == "水墨画"
