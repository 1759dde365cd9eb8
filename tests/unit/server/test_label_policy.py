"""The mark "AI生成" of a service, and the log of jobs without it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from danqing.request import read_request
from danqing.server.label_policy import KEEP_DAYS, LabelPolicy
from danqing.server.main import ServerOptions
from tests.serving import QUICK
from tests.unit.server.conftest import Make


@pytest.mark.parametrize(
    ("options", "public"),
    [
        (ServerOptions(), False),
        (ServerOptions(host="::1"), False),
        (ServerOptions(host="0.0.0.0"), True),
        (ServerOptions(allowed_hosts=("paint.example",)), True),
        (ServerOptions(trusted_proxies=("127.0.0.1",)), True),
        (ServerOptions(root_path="/danqing"), True),
    ],
)
def test_a_service_is_public_if_others_can_use_it(options: ServerOptions, public: bool) -> None:
    assert options.public is public


@pytest.mark.parametrize(("public", "reason", "label"), [(True, "", True), (True, "agreed", False), (False, "", False)])
def test_the_service_or_the_request_decides(public: bool, reason: str, label: bool) -> None:
    request = read_request({"prompts": "山", "label": False})
    assert LabelPolicy(public, reason).apply(request).label is label
    assert LabelPolicy(public, reason).apply(request.with_changes(label=True)).label


def test_jobs_without_the_mark_are_logged(make: Make, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    client = make(label_policy=LabelPolicy(True, "agreed", log))
    id = client.post("/v1/jobs", json=QUICK).json()["id"]
    line = json.loads(log.read_text("utf-8"))
    assert (line["job"], line["reason"], line["key"]) == (id, "agreed", "")
    assert datetime.now(UTC) - datetime.fromisoformat(line["time"]) < timedelta(minutes=5)


def test_old_lines_are_removed_after_six_months(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    now = datetime.now(UTC)
    lines = [json.dumps({"time": (now - timedelta(days=days)).isoformat()}) for days in (KEEP_DAYS + 1, KEEP_DAYS - 1)]
    log.write_text("\n".join([*lines, "damaged"]) + "\n", "utf-8")
    LabelPolicy(True, "agreed", log).remove_old_lines()
    assert log.read_text("utf-8").splitlines() == [lines[1], "damaged"]
