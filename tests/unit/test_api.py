"""The Python API."""

import warnings

import pytest

from danqing import api
from danqing.errors import InvalidRequest
from danqing.pipeline import Pipeline
from danqing.request import Request, read_request
from danqing.request.request_options import RequestOptions

QUICK = RequestOptions(
    size=(64, 64), steps=2, cutn_batches=1, cut_overview=1, cut_innercut=1, quality="draft", sketches=1, recurrence=1
)


def test_every_field_of_a_request_is_a_keyword_argument() -> None:
    assert RequestOptions.__annotations__.keys() == Request.model_fields.keys() - {"prompts"}


def test_problems_of_the_prompt_are_python_warnings_in_one_language(
    tiny_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.warns(UserWarning, match="太长") as caught:
        api.create("孤舟" * 40, out=None, pipeline=tiny_pipeline, **QUICK)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    monkeypatch.setenv("DANQING_LANGUAGE", "en")
    with pytest.warns(UserWarning, match="too long"):
        api.create("孤舟" * 40, out=None, pipeline=tiny_pipeline, **QUICK)


def test_good_prompts_warn_of_nothing(tiny_pipeline: Pipeline) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        api.create("孤舟:0.5", out=None, pipeline=tiny_pipeline, **QUICK)


@pytest.mark.parametrize(("field", "value"), [("dtype", "float16"), ("device", "cuda"), ("model", "danqing_mini")])
def test_options_that_contradict_the_pipeline_are_refused(tiny_pipeline: Pipeline, field: str, value: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        api.create(read_request({"prompts": "孤舟", field: value}), out=None, pipeline=tiny_pipeline)
    assert caught.value.field == field


def test_options_that_agree_with_the_pipeline_are_accepted(tiny_pipeline: Pipeline) -> None:
    request = read_request({"prompts": "孤舟", "device": "cpu", "dtype": "float32", **QUICK})
    artwork = api.create(request, out=None, pipeline=tiny_pipeline)
    assert artwork.request.dtype == "float32"
