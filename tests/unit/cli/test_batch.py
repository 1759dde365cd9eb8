"""`danqing batch`."""

import json
from pathlib import Path
from typing import Any

import pytest

from danqing.batch import runner
from danqing.batch.table import TABLE, BatchRecord, ResultTable
from tests.unit.cli.conftest import Command


@pytest.fixture(autouse=True)
def fake_workers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Replace the worker processes; prompts that contain 坏 fail, 停 stops the batch. Return the painted prompts."""
    monkeypatch.chdir(tmp_path)
    painted: list[str] = []

    def start(_: object, devices: list[str]) -> None:
        assert devices == ["cpu"]

    def next_result(pool: Any) -> list[BatchRecord]:
        row = pool.rows[len(painted)]
        prompt = str(row.request["prompts"][0])
        if "停" in prompt:
            raise KeyboardInterrupt
        painted.append(prompt)
        record = BatchRecord(row.row.line, row.key, row.request, worker=0)
        if "坏" in prompt:
            return [runner.replace(record, error={"zh": "画坏了。", "en": "It failed."})]
        name = f"{row.row.line}.png"
        (pool.folder / name).touch()
        return [runner.replace(record, picture=0, seed=1, path=name, notices=("“某”没有学过。",))]

    monkeypatch.setattr("danqing.batch.runner._WorkerPool.start", start)
    monkeypatch.setattr("danqing.batch.runner._WorkerPool.next_result", next_result)
    return painted


def test_rows_are_painted_and_failures_reported(danqing: Command, fake_workers: list[str]) -> None:
    Path("a.txt").write_text("雪山\n坏\n\n荷花:[1]*3\n孤舟\n", "utf-8")

    result = danqing("batch", "a.txt", "--out", "out", "--device", "cpu")

    assert result.code == 2
    assert result.out.split() == ["out/1.png", "out/5.png"]
    lines = result.err.splitlines()
    assert lines[0].startswith("第 4 行：“荷花”的权重")
    assert lines[1:] == [
        "第 1 行：“某”没有学过。",
        "第 2 行：画坏了。",
        "第 5 行：“某”没有学过。",
        f"错误：2 行没有画成，原因见 out/{TABLE}。修改后再次运行同一条命令。",
    ]
    Path("a.txt").write_text("雪山\n好\n\n荷花\n孤舟\n", "utf-8")
    fake_workers.clear()
    again = danqing("batch", "a.txt", "--out", "out", "--device", "cpu")
    assert (again.code, again.err.splitlines()[0], fake_workers) == (0, "2 行已完成，跳过。", ["好", "荷花"])


def test_an_interrupted_batch_keeps_its_results(danqing: Command) -> None:
    Path("a.txt").write_text("雪山\n停\n", "utf-8")
    result = danqing("batch", "a.txt", "--out", "out", "--device", "cpu", "--json")
    assert result.code == 130
    assert "再次运行同一条命令" in result.err
    assert json.loads(result.out)["path"] == "1.png"
    with ResultTable(Path("out")) as table:
        assert [record.line for record in table.records()] == [1]


def test_errors_are_one_line(danqing: Command) -> None:
    Path("a.md").write_text("雪山", "utf-8")
    for words in (("batch", "a.md", "--out", "out"), ("batch", "b.txt", "--out", "out"), ("batch", "a.md")):
        result = danqing(*words)
        assert (result.code, len(result.err.splitlines())) == (2, 1)
