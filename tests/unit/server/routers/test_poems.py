"""`/v1/poems`: the lines of `danqing poem`."""

from fastapi.testclient import TestClient

from danqing.finishing.poems import find_verses


def lines(client: TestClient, **query: str | int) -> list[str]:
    """Return the lines that the service offers."""
    reply = client.get("/v1/poems", params=query)
    assert reply.status_code == 200, reply.text
    return [verse["line"] for verse in reply.json()["data"]]


def test_lines_are_those_of_the_command(client: TestClient) -> None:
    assert lines(client, about="雪中的船") == [verse.line for verse in find_verses("雪中的船", 10)]
    verse = client.get("/v1/poems", params={"about": "江雪"}).json()["data"][0]
    assert (verse["author"], verse["title"]) == ("柳宗元", "江雪")


def test_without_words_the_first_lines_are_listed(client: TestClient) -> None:
    assert len(lines(client)) == 10
    assert len(lines(client, limit=3)) == 3


def test_words_without_a_line_give_an_empty_list(client: TestClient) -> None:
    assert lines(client, about="xyz") == []


def test_wrong_values_are_rejected(client: TestClient) -> None:
    assert client.get("/v1/poems", params={"limit": 0}).status_code == 422
    assert client.get("/v1/poems", params={"about": "雪" * 201}).status_code == 422
