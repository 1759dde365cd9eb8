"""The grid of a request: its text, its cells, and what it may not contain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danqing.errors import InvalidRequest
from danqing.request import Request, read_request
from danqing.request.grid import FIELDS, parse_grid

FIELDS_TO_COMBINE = st.lists(st.sampled_from(FIELDS), min_size=1, max_size=2, unique=True)
VALUES = st.lists(st.integers(1, 99).map(str), min_size=1, max_size=8, unique=True)


def read(**fields: object) -> Request:
    return read_request({"prompts": "孤舟", **fields})


@given(FIELDS_TO_COMBINE, VALUES, VALUES)
def test_every_combination_is_a_cell_row_by_row(fields: list[str], across: list[str], down: list[str]) -> None:
    text = ";".join(f"{field}={'|'.join(values)}" for field, values in zip(fields, (across, down), strict=False))
    cells = parse_grid(text).cells()
    assert len(cells) == len(across) * (len(down) if len(fields) > 1 else 1)
    assert [cell[fields[0]] for cell in cells[: len(across)]] == across
    if len(fields) > 1:
        assert [cell[fields[1]] for cell in cells[:: len(across)]] == down


def test_a_cell_is_the_request_with_its_values() -> None:
    request = read(grid="steps=10|20; style＝油画｜水墨画", seed=5, sampler="plms")
    assert request.n_batches == 4
    assert request.grid == "steps=10|20; style=油画|水墨画"
    assert [(cell.steps, cell.style) for cell in request.cells()] == [
        *((10, "油画"), (20, "油画"), (10, "水墨画"), (20, "水墨画"))
    ]
    assert {(cell.seed, cell.sampler, cell.n_batches, cell.grid) for cell in request.cells()} == {(5, "plms", 1, None)}
    assert request.of_picture(3) == request.cells()[3]
    assert [request.seed_of(number) for number in range(4)] == [5] * 4
    assert read(grid="seed=3|9", seed=5).seed_of(1) == 9


def test_a_mapping_is_accepted_and_the_stored_request_is_the_same() -> None:
    request = read(grid={"guidance_scale": [3, 6.5], "seed": [1, 2, 3]})
    assert request.grid == "guidance_scale=3|6.5; seed=1|2|3"
    assert read_request(request.model_dump(mode="json")) == request
    assert read_request(request.to_dict()) == request
    assert read(grid="").grid is None
    assert request.with_changes(grid=None, n_batches=1).cells() == ()


def test_without_a_grid_a_picture_has_the_request_of_the_run() -> None:
    request = read(seed=5, n_batches=3)
    assert request.of_picture(2) is request
    assert request.seed_of(2) == 7


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"grid": "steps"}, "grid"),
        ({"grid": "steps=10|20; steps=5"}, "grid"),
        ({"grid": "size=64x64|128x128"}, "grid"),
        ({"grid": "seed=1;steps=2;eta=0"}, "grid"),
        ({"grid": {"seed": list(range(65))}}, "grid"),
        ({"grid": "steps=10|many"}, "steps"),
        ({"grid": "seed=1|2", "batch_size": 2}, "batch_size"),
        ({"grid": "seed=1|2", "n_batches": 3}, "n_batches"),
    ],
)
def test_errors_name_the_field(fields: dict[str, object], named: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(**fields)
    assert caught.value.field == named
