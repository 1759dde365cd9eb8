"""Any value of a PaddleHub caller is a request or an InvalidRequest."""

import copy
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from danqing.errors import InvalidRequest
from danqing.paddlehub.cli_args import parse_args
from danqing.paddlehub.parameters import PARAMETERS, to_parameters, to_request
from danqing.request import Request

NAMES = st.sampled_from([parameter.name for parameter in PARAMETERS])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
PLAIN = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3), max_leaves=5)
VALUES = SCALARS | st.lists(st.integers() | st.floats(), max_size=3)
WORDS = st.lists(NAMES.map(lambda name: f"--{name}") | st.text(max_size=12), max_size=8)


@given(st.dictionaries(NAMES, VALUES, max_size=4), PLAIN)
def test_any_value_is_a_request_or_a_clear_error(values: dict[str, object], prompts: object) -> None:
    values = {"text_prompts": prompts, **values}
    before = copy.deepcopy(values)
    with suppress(InvalidRequest):
        assert isinstance(to_request(values), Request)
    assert repr(values) == repr(before)


@given(WORDS)
def test_any_command_line_is_read_or_a_clear_error(words: list[str]) -> None:
    with suppress(InvalidRequest):
        assert set(parse_args(words)) <= {parameter.name for parameter in PARAMETERS}


@given(
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    st.integers(0, 2**63 - 1),
    st.integers(2, 1000),
    st.booleans(),
)
def test_a_request_survives_the_way_through_the_tags(
    size: tuple[int, int], seed: int, steps: int, use_gpu: bool
) -> None:
    sides = [64 * side for side in size]
    request = to_request(
        {"text_prompts": "远山", "width_height": sides, "seed": seed, "steps": steps, "use_gpu": use_gpu}
    )
    assert to_request(to_parameters(request)).model_dump() == request.model_dump()
