"""The studio's files are served, refer to no other host, and have all texts in both languages."""

import io
import json
import re
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

import danqing.webui
from danqing.settings import read_settings
from danqing.webui import create_studio

PAGE = Path(danqing.webui.__file__).parent / "page"
FILES = sorted(path.name for path in PAGE.iterdir())
TEXT_FILES = [name for name in FILES if name == "i18n.js" or name.startswith("texts")]


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
def test_other_paths_are_404(client: TestClient, path: str) -> None:
    reply = client.get(path)
    assert reply.status_code == 404
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]


def test_the_form_has_no_fields_that_only_the_server_sets(client: TestClient) -> None:
    board = client.get("/form.json").json()
    names = [control["name"] for group in board["groups"] for control in group["controls"]]
    assert "steps" in names
    assert "device" not in names
    assert [model["name"] for model in board["models"]] == ["danqing_mini"]


@pytest.mark.parametrize(("language", "words"), [("zh", "有误"), ("en", "is invalid")])
def test_an_invalid_models_file_is_reported(client: TestClient, home: Path, language: str, words: str) -> None:
    home.mkdir()
    (home / "models.yaml").write_text("- 1", "utf-8")
    reply = client.get("/form.json", headers={"Accept-Language": language})
    assert reply.status_code == 500
    assert words in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    ("name", "kind"), [("main.js", "text/javascript"), ("studio.css", "text/css"), ("", "text/html")]
)
def test_files_have_the_right_media_type(client: TestClient, name: str, kind: str) -> None:
    assert client.get(f"/{name}").headers["Content-Type"] == f"{kind}; charset=utf-8"


@pytest.mark.parametrize("name", FILES)
def test_files_refer_to_no_other_host(name: str) -> None:
    found = re.findall(r"https?://[^\s\"'`)]+", (PAGE / name).read_text("utf-8"))
    assert [address for address in found if address != "http://www.w3.org/2000/svg"] == []


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_imported_modules_exist(name: str) -> None:
    for names, file in re.findall(r"import \{([^}]*)\} from \"\./(\w+\.js)\"", (PAGE / name).read_text("utf-8")):
        other = (PAGE / file).read_text("utf-8")
        for word in names.split(","):
            assert re.search(rf"export (const|class|(async )?function\*?) {word.strip()}\b", other), (file, word)


def test_every_text_has_two_languages_and_is_used() -> None:
    tables = "".join((PAGE / name).read_text("utf-8") for name in TEXT_FILES)
    others = "".join((PAGE / name).read_text("utf-8") for name in FILES if name not in TEXT_FILES)
    words = dict(re.findall(r"^  (\w+): (\[.*\]),$", tables, re.MULTILINE))
    asked = set(re.findall(r"\btr\(\"(\w+)\"", others + tables)) | set(
        re.findall(r"data-(?:text|label)=\"(\w+)\"", others)
    )
    assert asked <= set(words)
    used = set(re.findall(r"\"(\w+)\"", others + tables)) | set(re.findall(r"(\w+): \[\d, \d\]", others))
    used |= {f"state_{state}" for state in ("queued", "painting", "finished", "failed", "cancelled")} | {"cancelled"}
    used |= {f"grid_{field}" for field in ("none", "style", "artist", "seed", "steps", "guidance_scale", "strength")}
    assert set(words) <= used
    assert all(len(json.loads(pair)) == 2 for pair in words.values())


def test_no_text_replaces_another() -> None:
    names = [
        name
        for file in TEXT_FILES
        for name in re.findall(r"^  (\w+): \[", (PAGE / file).read_text("utf-8"), re.MULTILINE)
    ]
    assert len(names) > 150
    assert [name for name in names if names.count(name) > 1] == []


def test_cards_and_finished_pictures_have_their_files(client: TestClient) -> None:
    schema = client.get("/form.json").json()
    pictures = [item["picture"] for item in (*schema["style"], *schema["artist"], *schema["samples"])]
    assert len(set(pictures)) == len(pictures)
    for name in pictures:
        reply = client.get(f"/{name}")
        assert reply.headers["Content-Type"] == "image/webp"
        with Image.open(io.BytesIO(reply.content)) as image:
            assert max(image.size) <= 512
        assert len(reply.content) < 60_000


def test_the_page_without_its_pictures_is_small(client: TestClient) -> None:
    received = [client.get(f"/{name}").headers["Content-Length"] for name in (*FILES, "form.json")]
    assert sum(map(int, received)) < 100_000
