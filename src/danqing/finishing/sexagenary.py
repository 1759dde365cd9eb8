"""The date as painters write it: the year by stem and branch, and the month of the Chinese calendar (年款)."""

from datetime import date

# lunar_python has no type information.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false

DATE_WORD = "年款"
"""Word in a signature that stands for the date of the painting."""


def chinese_date(day: date) -> str:
    """Return the sexagenary year, which begins at the Chinese New Year, and the month; for example 丙午冬月.

    Source:
        the calendar library lunar_python (6tail), checked in the tests against known dates of the New Year.
    """
    from lunar_python import Solar

    lunar = Solar.fromYmd(day.year, day.month, day.day).getLunar()
    return f"{lunar.getYearInGanZhi()}{lunar.getMonthInChinese()}月"


def fill_date(text: str, day: date) -> str:
    """Replace `DATE_WORD` in a text by the Chinese date."""
    return text.replace(DATE_WORD, chinese_date(day)) if DATE_WORD in text else text
