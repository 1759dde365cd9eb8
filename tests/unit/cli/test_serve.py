"""`danqing serve backup` and `danqing serve repair`."""

from pathlib import Path

from typer.testing import CliRunner

from danqing.cli.serve import build
from danqing.jobs.recovery import open_jobs
from danqing.settings import read_settings


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(build(), arguments)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    return result.exit_code, result.output


def test_a_damaged_database_is_repaired_and_backed_up(home: Path, tmp_path: Path) -> None:
    service = read_settings().service
    open_jobs(service).database.close()
    (service / "jobs.sqlite3").write_bytes(b"damaged" * 999)

    code, output = run("repair")
    assert code == 0, output
    assert "damaged" in output

    code, output = run("backup", str(tmp_path / "backup"))
    assert code == 0, output
    assert (tmp_path / "backup" / "jobs.sqlite3").exists()
