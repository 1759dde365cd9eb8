"""Rows of prompt files."""

from pathlib import Path

import pytest

from danqing.batch.prompt_file import read_prompt_file, to_row
from danqing.errors import InvalidRequest
from danqing.request import read_request


def rows(path: Path, text: str, encoding: str = "utf-8") -> list[tuple[int, object]]:
    """Return line numbers with the set fields, or with the English error."""
    path.write_bytes(text.encode(encoding))
    found = read_prompt_file(path).rows
    return [(row.line, row.request.to_dict() if row.request else row.error and row.error.en) for row in found]


def test_text_files_have_a_prompt_on_each_line(tmp_path: Path) -> None:
    assert rows(tmp_path / "a.txt", "雪山\r\n\r\n  荷花:2 \r\n山:[1]*3\r\n") == [
        (1, {"prompts": ["雪山"]}),
        (3, {"prompts": ["荷花:2"]}),
        (4, "weight of '山': The schedule has 3 values; it needs exactly 1000 (column 1). Example: [12]*400+[4]*600."),
    ]


def test_json_lines(tmp_path: Path) -> None:
    text = '"雪山"\n{"prompt": "荷花", "steps": "４０", "size": [64, 128]}\n{\n7\n{"steps": 3}\n{"prompts": "山", "stpes": 3}\n'
    assert rows(tmp_path / "a.jsonl", text) == [
        (1, {"prompts": ["雪山"]}),
        (2, {"prompts": ["荷花"], "steps": 40, "size": [64, 128]}),
        (3, "The line is not JSON."),
        (4, "Expected a prompt or a mapping of request fields."),
        (5, "The prompt (prompts) is missing."),
        (6, "There is no parameter 'stpes'; did you mean steps?"),
    ]


def test_csv_files(tmp_path: Path) -> None:
    text = 'text,steps,style\n"雪山，\n孤舟",5,\n荷花,,工笔画\n,,\n山,many\n山,1,2,3\n'
    assert rows(tmp_path / "a.CSV", text) == [
        (3, {"prompts": ["雪山，\n孤舟"], "steps": 5}),
        (4, {"prompts": ["荷花"], "style": "工笔画"}),
        (6, "steps must be an integer (given: 'many')."),
        (7, "4 columns instead of 3."),
    ]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_csv_files_of_spreadsheets(tmp_path: Path, delimiter: str) -> None:
    lines = (("prompts", "save", "symmetry_at"), ("雪山，孤舟, 松", "gif, webp", "0.1，0.5"), ("荷花", "gif", "0.2"))
    text = "".join(delimiter.join(line) + "\n" for line in lines)
    assert rows(tmp_path / "a.csv", text, "utf-16") == [
        (2, {"prompts": ["雪山，孤舟, 松"], "symmetry_at": [0.1, 0.5], "save": ["gif", "webp"]}),
        (3, {"prompts": ["荷花"], "symmetry_at": [0.2], "save": ["gif"]}),
    ]


def test_yaml_files(tmp_path: Path) -> None:
    text = "- 雪山\n- prompts: [荷花, '红色:-0.3']\n  seed: 7\n- null\n"
    assert rows(tmp_path / "a.yml", text) == [
        (1, {"prompts": ["雪山"]}),
        (2, {"prompts": ["荷花", "红色:-0.3"], "seed": 7}),
        (3, "Expected a prompt or a mapping of request fields."),
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_any_encoding(tmp_path: Path, encoding: str) -> None:
    assert rows(tmp_path / "a.txt", "雪山，水墨画\n", encoding) == [(1, {"prompts": ["雪山，水墨画"]})]
    assert (read_prompt_file(tmp_path / "a.txt").notice is None) == (encoding == "utf-8-sig")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.md", "雪山", "suffixes .jsonl"),
        ("a.txt", "\n \n", "no prompts"),
        ("a.csv", "steps,seed\n1,2\n", "among them prompts"),
        ("a.csv", 'prompts\n"a"b\n', "Line 2 of .* is not CSV"),
        ("a.yaml", "a: b", "must be a list"),
        ("a.yaml", "- a\n- [", "Line 2 of .* is not YAML"),
    ],
)
def test_unusable_files_are_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        rows(tmp_path / name, text)


def test_requests_are_rows_too() -> None:
    request = read_request({"prompts": "山"})
    assert to_row(3, request).request is request
