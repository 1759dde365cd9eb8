"""Pictures in two precisions are painted, judged and compared."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import precision
from benchmarks.jury import Judge


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    knobs = "steps=2 recurrence=1 size=64x64 cut_overview=1 cut_innercut=1"
    words = ["--out", str(tmp_path), "--limit", "2", "--knobs", knobs, "--device", "cpu", "--json"]
    monkeypatch.setattr(sys, "argv", ["precision", *words])
    precision.main()
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["pictures"] == 4
    assert set(result["judged"]) == {"float32", "bfloat16"}
    assert 0 < result["apart"]["pixels"] < 0.05 < result["seeds_apart"]["pixels"]
    assert len(list(tmp_path.rglob("*.png"))) == 8


def test_equal_pictures_are_not_apart() -> None:
    picture = np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3)
    found = precision.apart(Judge.load(), [(picture, picture)])
    assert found == pytest.approx({"pixels": 0, "pyramid": 0, "judge": 0}, abs=1e-5)
