"""The Chinese date against published dates of the New Year."""

from datetime import date

import pytest

from danqing.finishing.sexagenary import chinese_date, fill_date


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 2, 16), "乙巳腊月"),  # eve of the New Year
        (date(2026, 2, 17), "丙午正月"),  # New Year
        (date(2026, 11, 29), "丙午十月"),
        (date(2026, 12, 20), "丙午冬月"),
        (date(2025, 8, 1), "乙巳闰六月"),  # leap month
        (date(2024, 2, 10), "甲辰正月"),
        (date(1984, 2, 2), "甲子正月"),
        (date(2000, 1, 1), "己卯冬月"),
    ],
)
def test_the_year_begins_at_the_chinese_new_year(day: date, expected: str) -> None:
    assert chinese_date(day) == expected


def test_the_date_replaces_its_word() -> None:
    assert fill_date("年款白石", date(2026, 12, 20)) == "丙午冬月白石"
    assert fill_date("白石", date(2026, 12, 20)) == "白石"
