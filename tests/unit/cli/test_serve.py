"""`danqing serve backup` and `danqing serve repair`."""

from pathlib import Path

import pytest

from danqing.cli.serve import build
from danqing.jobs.open_home import open_jobs
from danqing.settings import read_settings


def run(*arguments: str) -> None:
    build()(list(arguments), standalone_mode=False)


def test_a_damaged_database_is_repaired_and_backed_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    service = read_settings().service
    open_jobs(service).database.close()
    (service / "jobs.sqlite3").write_bytes(b"damaged" * 999)

    run("repair")
    assert str(service / "damaged") in capsys.readouterr().out

    run("backup", str(tmp_path / "backup"))
    assert (tmp_path / "backup" / "jobs.sqlite3").exists()
