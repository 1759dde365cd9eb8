"""OpenAI's requests to change pictures, as forms."""

import pytest

from danqing.errors import InvalidRequest
from danqing.server.form import Form
from danqing.server.openai_edit_schema import (
    EditRequest,
    VariationRequest,
    edit_request,
    read_fields,
    variation_request,
)


def test_an_empty_file_is_no_picture() -> None:
    form = Form({"prompt": ["湖"]}, {"image": [b""], "mask": [b""]})
    for read in (
        lambda: edit_request(read_fields(form, EditRequest), form, ()),
        lambda: variation_request(read_fields(form, VariationRequest), form, ()),
    ):
        with pytest.raises(InvalidRequest) as caught:
            read()
        assert caught.value.field == "image"


def test_a_list_of_one_value_is_accepted() -> None:
    form = Form({"prompt": ["湖"], "save": ["gif"]}, {"image": [b"picture"]})
    assert edit_request(read_fields(form, EditRequest), form, ()).save == ("gif",)
