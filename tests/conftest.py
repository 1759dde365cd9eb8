"""What all tests share: a home of their own, and a tiny model with made-up weights installed there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from danqing.api import load
from danqing.pipeline import Pipeline
from danqing.zoo.catalog import ORIGINAL
from tests.made_up import write_made_up
from tests.serving import Serving, make_home, serving

# Two threads on tiny tensors wait for each other more than they work.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def made_up_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DANQING_HOME in which the original model is installed, tiny and with made-up weights. Do not write there."""
    home = tmp_path_factory.mktemp("home")
    write_made_up(home / "models" / ORIGINAL)
    return home


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty DANQING_HOME for every test, so that no test sees or touches the user's."""
    place = tmp_path / "home"
    monkeypatch.setenv("DANQING_HOME", str(place))
    monkeypatch.setenv("DANQING_LANGUAGE", "zh")
    return place


@pytest.fixture
def made_up(made_up_home: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """The tiny made-up model, loaded."""
    monkeypatch.setenv("DANQING_HOME", str(made_up_home))
    return load(ORIGINAL, device="cpu")


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A real service, a process of its own, that paints with the tiny made-up model. Its jobs are all tests' to share."""
    home = make_home(tmp_path_factory.mktemp("served"))
    with serving(home, "--model", ORIGINAL, "--per-key", "16") as service:
        yield service
