"""Reads the rows of a prompt file: JSON lines, CSV, YAML, or one prompt on each line."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import yaml

from danqing.errors import InvalidRequest
from danqing.i18n import Text
from danqing.inputs.text_file import read_user_text
from danqing.request import Request, read_request

SUFFIXES = (".jsonl", ".csv", ".yaml", ".yml", ".txt")
_PROMPT_COLUMNS = ("prompt", "text")


@dataclass(frozen=True, slots=True)
class PromptRow:
    """A row of a prompt file: a request, or the reason why it is not one."""

    line: int
    """Number of the line, or of the entry of a YAML list, counted from 1."""
    request: Request | None = None
    error: Text | None = None


@dataclass(frozen=True, slots=True)
class PromptFile:
    """The rows of a prompt file."""

    rows: tuple[PromptRow, ...]
    notice: Text | None = None
    """Messages on how the file was read if it is not UTF-8."""


def read_prompt_file(path: Path) -> PromptFile:
    """Read the requests of a file. Blank lines are skipped; an invalid row does not affect the others.

    Args:
        path: `.jsonl`: on each line a prompt as a JSON text, or an object of request fields. `.csv`: a header with the names
            of request fields, separated by commas, semicolons or tabs; empty cells are not set. `.yaml`: a list of prompts or
            of mappings of request fields. `.txt`: a prompt on each line.
    Raises:
        InvalidRequest: the file cannot be read, has another suffix, or contains no rows.
    """
    content = read_user_text(path)
    match path.suffix.lower():
        case ".jsonl":
            rows = _jsonl_rows(content.text)
        case ".csv":
            rows = _csv_rows(content.text, path)
        case ".yaml" | ".yml":
            rows = _yaml_rows(content.text, path)
        case ".txt":
            rows = (to_row(line, text.strip()) for line, text in _lines(content.text))
        case _:
            raise InvalidRequest(
                f"无法识别 {path} 的格式。请使用 {'、'.join(SUFFIXES)} 文件。",
                f"The format of {path} is unknown. Use a file with one of the suffixes {', '.join(SUFFIXES)}.",
            )
    found = tuple(rows)
    if not found:
        raise InvalidRequest(f"{path} 中没有画题。", f"There are no prompts in {path}.")
    return PromptFile(found, content.notice)


def to_row(line: int, value: object) -> PromptRow:
    """Convert a prompt, a mapping of request fields or a request to a row.

    Args:
        line: number of the row.
        value: `prompt` and `text` are accepted as names of the field `prompts`.
    """
    if isinstance(value, Request):
        return PromptRow(line, value)
    try:
        if isinstance(value, str):
            return PromptRow(line, read_request({"prompts": value}))
        if not isinstance(value, Mapping):
            raise InvalidRequest(
                "应为一句画题，或“参数: 值”的对应。", "Expected a prompt or a mapping of request fields."
            )
        fields = {str(name): field for name, field in cast("Mapping[object, object]", value).items()}
        for name in _PROMPT_COLUMNS:
            if name in fields and "prompts" not in fields:
                fields["prompts"] = fields.pop(name)
        if not fields.get("prompts"):
            raise InvalidRequest("缺少画题（prompts）。", "The prompt (prompts) is missing.", field="prompts")
        return PromptRow(line, read_request(fields))
    except InvalidRequest as error:
        return PromptRow(line, error=error.text)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def _jsonl_rows(text: str) -> Iterator[PromptRow]:
    for number, line in _lines(text):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            yield PromptRow(number, error=Text("这一行不是 JSON。", "The line is not JSON."))
        else:
            yield to_row(number, value)


def _csv_rows(text: str, path: Path) -> Iterator[PromptRow]:
    reader = csv.reader(io.StringIO(text), delimiter=_delimiter(text), strict=True)
    try:
        header = [name.strip() for name in next(reader, cast("list[str]", []))]
        if not {"prompts", *_PROMPT_COLUMNS} & set(header):
            raise InvalidRequest(
                f"{path} 的第一行应为参数名，其中包括 prompts。",
                f"The first line of {path} must contain the names of request fields, among them prompts.",
            )
        for cells in reader:
            if len(cells) > len(header):
                problem = Text(
                    f"有 {len(cells)} 列，应为 {len(header)} 列。", f"{len(cells)} columns instead of {len(header)}."
                )
                yield PromptRow(reader.line_num, error=problem)
            elif any(cell.strip() for cell in cells):
                given = zip(header, cells, strict=False)
                yield to_row(reader.line_num, {name: cell.strip() for name, cell in given if cell.strip()})
    except csv.Error as error:
        raise InvalidRequest(
            f"{path} 第 {reader.line_num} 行不是 CSV。", f"Line {reader.line_num} of {path} is not CSV."
        ) from error


def _delimiter(text: str) -> str:
    """Return the character between the names in the first line: spreadsheets also write semicolons or tabs."""
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)


def _yaml_rows(text: str, path: Path) -> Iterator[PromptRow]:
    try:
        values = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        raise InvalidRequest(f"{path} 第 {line} 行不是 YAML。", f"Line {line} of {path} is not YAML.") from error
    if not isinstance(values, list):
        raise InvalidRequest(
            f"{path} 应为列表，每项以“- ”开头。", f"{path} must be a list; start each entry with '- '."
        )
    entries = cast("list[object]", values)
    return (to_row(number, value) for number, value in enumerate(entries, 1))
