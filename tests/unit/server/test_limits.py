"""Limits of one request."""

import pytest

from danqing.errors import InvalidRequest
from danqing.request import read_request
from danqing.server.limits import Limits
from danqing.settings import from_env

LIMITS = Limits(pixels=128 * 128, steps=20, pictures=4)


@pytest.mark.parametrize(
    "values", [{"size": "128x128"}, {"steps": 20}, {"steps": 5, "recurrence": 4}, {"n_batches": 2, "batch_size": 2}]
)
def test_a_request_at_the_limit_is_accepted(values: dict[str, object]) -> None:
    LIMITS.check(
        read_request({"prompts": "远山", "model": "danqing_mini", "size": "64x64", "steps": 2, **values}),
        from_env({}),
        given=values,
    )


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"size": "192x128"}, "size"),
        ({"steps": 21}, "steps"),
        ({"steps": 6, "recurrence": "[5]*500+[2]*500"}, "recurrence"),
        ({"n_batches": 5}, "n_batches"),
        ({"batch_size": 5}, "batch_size"),
    ],
)
def test_a_request_above_the_limit_is_rejected(values: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        LIMITS.check(
            read_request({"prompts": "远山", "model": "danqing_mini", "size": "64x64", "steps": 2, **values}),
            from_env({}),
            given=values,
        )
    assert caught.value.field == field


def test_a_field_that_was_not_given_is_not_blamed() -> None:
    request = read_request({"prompts": "远山", "model": "danqing_mini", "size": "64x64"})
    with pytest.raises(InvalidRequest, match="The defaults take 250 steps, but this service allows 20"):
        LIMITS.check(request, from_env({}))


@pytest.mark.parametrize("size", ["1024x1024", "1536x1024", "1024x1792", "1792x1024"])
def test_the_default_limit_allows_the_sizes_of_openai(size: str) -> None:
    Limits().check(read_request({"prompts": "远山", "size": size, "steps": 20}), from_env({}))
