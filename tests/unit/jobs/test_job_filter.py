"""The filter of listed jobs: SQL and Python select the same jobs."""

import sqlite3
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danqing.jobs.job_filter import JobFilter, Shape, conditions, search_text, shape_of

WORDS = st.sampled_from(["山", "水", "水墨", "A", "a", "%", "_", "'", '"', "齐"])
VALUES = st.fixed_dictionaries(
    {
        "prompts": st.lists(WORDS, min_size=1, max_size=2),
        "artist": st.none() | WORDS,
        "style": st.none() | WORDS,
        "size": st.tuples(st.sampled_from([64, 128, 320]), st.sampled_from([64, 128, 320])),
        "model": st.sampled_from(["m", "n"]),
    }
)
FILTERS = st.builds(
    JobFilter,
    words=st.lists(WORDS, max_size=2).map(tuple),
    model=st.none() | st.sampled_from(["m", "n"]),
    style=st.none() | WORDS,
    shape=st.none() | st.sampled_from(["square", "wide", "scroll", "tall"]),
    ids=st.none() | st.lists(st.sampled_from("01234"), max_size=3).map(tuple),
    created_before=st.none() | st.sampled_from([0.0, 2.0, 4.0]),
)


@given(st.lists(VALUES, min_size=1, max_size=5), FILTERS)
def test_sql_and_python_select_the_same_jobs(requests: list[dict[str, Any]], wanted: JobFilter) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE jobs (id, search_text, shape, model, created_at)")
    for number, values in enumerate(requests):
        row = (str(number), search_text(values), shape_of(values), values["model"], float(number))
        connection.execute("INSERT INTO jobs VALUES (?, ?, ?, ?, ?)", row)
    found = list(conditions(wanted))
    where = " AND ".join(["1", *(condition for condition, _ in found)])
    matched = [value for _, values in found for value in values]
    rows = connection.execute(f"SELECT id FROM jobs WHERE {where} ORDER BY id", matched)
    expected = [str(n) for n, values in enumerate(requests) if wanted.matches(str(n), values, float(n))]
    assert [row[0] for row in rows] == expected
    connection.close()


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ((64, 64), "square"),
        ((128, 64), "wide"),
        ((192, 64), "scroll"),
        ((64, 128), "tall"),
        (None, "square"),
        ("64x128", "square"),
    ],
)
def test_shapes(size: object, shape: Shape) -> None:
    assert shape_of({"size": size}) == shape
