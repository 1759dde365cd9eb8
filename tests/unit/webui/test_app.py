"""The studio's files: they are served, they reach nothing elsewhere, and all their words are there in both languages."""

import json
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import danqing.webui
from danqing.settings import read_settings
from danqing.webui import create_studio

PAGE = Path(danqing.webui.__file__).parent / "page"
FILES = sorted(path.name for path in PAGE.iterdir())


@pytest.fixture
def client() -> TestClient:
    return TestClient(create_studio(read_settings(), hidden=("device",)), base_url="http://127.0.0.1")


@pytest.mark.parametrize("name", ["", *FILES])
def test_every_file_is_served_with_the_policy(client: TestClient, name: str) -> None:
    reply = client.get(f"/{name}")
    assert reply.status_code == 200
    assert reply.content == (PAGE / (name or "index.html")).read_bytes()
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    assert "unsafe" not in reply.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/nothing.js", "/../app.py", "/%2e%2e/app.py", "/..%2fapp.py"])
def test_nothing_else_is(client: TestClient, path: str) -> None:
    reply = client.get(path)
    assert reply.status_code == 404
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]


def test_the_controls_leave_out_what_the_service_decides(client: TestClient) -> None:
    board = client.get("/form.json").json()
    names = [control["name"] for group in board["groups"] for control in group["controls"]]
    assert "steps" in names
    assert "device" not in names
    assert [model["name"] for model in board["models"]] == ["danqing_mini"]


@pytest.mark.parametrize(("language", "words"), [("zh", "有误"), ("en", "is invalid")])
def test_a_damaged_list_of_models_is_told(client: TestClient, home: Path, language: str, words: str) -> None:
    home.mkdir()
    (home / "models.yaml").write_text("- 1", "utf-8")
    reply = client.get("/form.json", headers={"Accept-Language": language})
    assert reply.status_code == 500
    assert words in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    ("name", "kind"), [("main.js", "text/javascript"), ("studio.css", "text/css"), ("", "text/html")]
)
def test_files_have_the_type_that_browsers_want(client: TestClient, name: str, kind: str) -> None:
    assert client.get(f"/{name}").headers["Content-Type"] == f"{kind}; charset=utf-8"


@pytest.mark.parametrize("name", FILES)
def test_a_file_names_no_other_host(name: str) -> None:
    found = re.findall(r"https?://[^\s\"'`)]+", (PAGE / name).read_text("utf-8"))
    assert [address for address in found if address != "http://www.w3.org/2000/svg"] == []


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_what_a_module_imports_is_there(name: str) -> None:
    for names, file in re.findall(r"import \{([^}]*)\} from \"\./(\w+\.js)\"", (PAGE / name).read_text("utf-8")):
        other = (PAGE / file).read_text("utf-8")
        for word in names.split(","):
            assert re.search(rf"export (const|class|(async )?function\*?) {word.strip()}\b", other), (file, word)


def test_every_word_is_there_twice_and_every_one_is_used() -> None:
    texts = "".join((PAGE / name).read_text("utf-8") for name in FILES)
    words = dict(re.findall(r"^  (\w+): (\[.*\]),$", (PAGE / "i18n.js").read_text("utf-8"), re.MULTILINE))
    used = set(re.findall(r"tr\(\"(\w+)\"", texts)) | set(re.findall(r"data-text=\"(\w+)\"", texts))
    used |= set(re.findall(r"button\(\"(\w+)\"", texts)) | {"cancelled", "yes", "no", "preview", "picture"}
    used |= set(re.findall(r"data-label=\"(\w+)\"", texts))
    used |= set(re.findall(r"\w+", re.findall(r"MAIN_FIELDS = \[(.*)\]", texts)[0]))
    used |= {f"state_{state}" for state in ("queued", "painting", "finished", "failed", "cancelled")}
    assert used == set(words)
    assert all(len(json.loads(pair)) == 2 for pair in words.values())
