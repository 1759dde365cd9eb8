"""`Client.create` from the events of a run."""

from collections.abc import Iterator

import pytest

from danqing.client import Client
from danqing.events import Event, Warned
from tests.unit.results.runs import paint, small_request


def test_warnings_of_the_service_are_python_warnings_in_one_language(monkeypatch: pytest.MonkeyPatch) -> None:
    def stream(client: Client, prompts: str) -> Iterator[Event]:  # noqa: ARG001
        started, *rest = paint(small_request(prompts=prompts))
        yield from (started, Warned(zh="画题太长。", en="The prompt is too long."), *rest)

    monkeypatch.setattr(Client, "stream", stream)
    for language, words in (("zh", "画题太长。"), ("en", "The prompt is too long.")):
        monkeypatch.setenv("DANQING_LANGUAGE", language)
        with Client() as client, pytest.warns(UserWarning, match=words) as caught:
            assert len(client.create("远山")) == 1
        assert len(caught) == 1
        assert caught[0].filename == __file__
