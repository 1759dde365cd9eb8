"""One guided step of both programs, in little; the peer only where it is installed."""

import json
import sys

import pytest
import torch

from benchmarks import guided_step
from benchmarks.baseline.danqing import Danqing
from benchmarks.baseline.disco_diffusion import find_baseline
from benchmarks.baseline.profiler import count_gflop, measure
from benchmarks.baseline.workload import PARTS, SHAPES, make_workload

CPU = torch.device("cpu")
LITTLE = ["--model", "small", "--size", "64x64", "--cuts", "4", "--batches", "1", "--repeat", "1"]


def test_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["step", *LITTLE, "--markdown", "--json"])
    guided_step.main()
    said = capsys.readouterr().out
    result = json.loads(said.splitlines()[-1])
    assert "| whole |" in said
    there = find_baseline(None)
    assert result["peer"] is there
    assert ("not installed" in said) is not there
    assert list(result["parts"]) == [*PARTS, "whole"]
    for part, row in result["parts"].items():
        assert row["ours_s"] > 0
        assert (row["peer_s"] is not None) is (row["ratio"] is not None) is there
        assert (row["gflop"] > 0) is (part != "losses")
        if row["apart"] is not None:
            assert row["apart"] < 1e-3


def test_compiling_is_asked_of_every_network(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def compile_it(self: torch.nn.Module, **_: object) -> None:
        asked.append(type(self).__name__)

    monkeypatch.setattr(torch.nn.Module, "compile", compile_it)
    monkeypatch.setattr(sys, "argv", ["step", *LITTLE, "--part", "unet", "--json"])
    guided_step.main()
    assert not asked
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--compile"])
    guided_step.main()
    assert asked == ["UNet", "Secondary", "VisionTransformer"]
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["compile"] is True


def test_the_whole_step_is_finite_in_half_precision() -> None:
    workload = make_workload(SHAPES["small"], size=(64, 64), cuts=4, batches=2, device=CPU)
    whole, half = Danqing(workload, torch.float32).whole(), Danqing(workload, torch.bfloat16).whole()
    assert half.dtype == torch.float32
    assert float((half - whole).square().mean() / whole.square().mean()) < 0.05


def test_arithmetic_is_counted_without_doing_it() -> None:
    a, b = torch.empty(3, 5, device="meta", requires_grad=True), torch.empty(5, 7, device="meta")
    forth = 2 * 3 * 5 * 7 / 1e9
    assert count_gflop(lambda: a @ b) == pytest.approx(forth)
    assert count_gflop(lambda: torch.autograd.grad((a @ b).sum(), a)) == pytest.approx(2 * forth)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells the peak of a moment")
def test_the_peak_is_what_a_piece_of_work_takes_for_itself() -> None:
    def work() -> torch.Tensor:
        return torch.ones(32 * 2**20 // 4).sum()

    kept = torch.ones(64 * 2**20 // 4)
    peaks = [measure(work, CPU)[0].peak_mib for _ in range(2)]
    assert all(peak is not None and 30 < peak < 60 for peak in peaks)
    assert len(kept)
