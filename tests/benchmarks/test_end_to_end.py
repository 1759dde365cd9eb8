"""Whole pictures are timed from the shell and in the process."""

import json
import sys

import pytest

from benchmarks import end_to_end


def test_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--knobs", "steps=2 size=64x64 cut_overview=1 cut_innercut=1", "--curve", "batch_size", "--json"]
    monkeypatch.setattr(end_to_end, "CURVES", {"batch_size": ({"batch_size": 1}, {"batch_size": 2})})
    monkeypatch.setattr(sys, "argv", ["end_to_end", *words])
    end_to_end.main()
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["shell"]["cpu_seconds"] > result["warm"]["cpu_seconds"] > 0
    assert result["shell"]["peak_gib"] > 0.1
    assert [(point["pictures"], point["steps"]) for point in result["points"]] == [(1, 2), (2, 2)]
