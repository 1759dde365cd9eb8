"""`danqing branch`."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Command
from tests.unit.results.runs import small_request

SMALL = ("--steps", "6", "--display-rate", "2", "--size", "64x64")


@pytest.mark.usefixtures("fake_api")
def test_branch_takes_the_request_of_the_run(danqing: Command) -> None:
    danqing("draw", "孤舟", *SMALL, "--seed", "5", "--n-batches", "2", "--out", "a")
    (folder,) = Path("a").iterdir()
    values = json.loads(danqing("branch", str(folder / "001.png"), "--at", "2", "-p", "雪", "--dry-run", "--json").out)
    assert values["branch"] == f"{folder.name}/001@2"
    assert (values["prompts"], values["seed"], values["n_batches"], values["steps"]) == (["雪"], 6, 1, 6)
    assert small_request().branch is None


def test_branch_names_a_missing_run(danqing: Command) -> None:
    result = danqing("branch", "nothing", "--at", "2")
    assert result.code == 2
    assert "nothing" in result.err
