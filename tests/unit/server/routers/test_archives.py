"""`/v1/archives`: a ZIP file with the pictures of several jobs."""

import io
import zipfile
from uuid import uuid4

from fastapi.testclient import TestClient
from PIL import Image

from danqing.results import run_layout
from tests.serving import QUICK
from tests.unit.server.conftest import context_behind


def test_the_pictures_of_several_jobs(client: TestClient) -> None:
    jobs = [client.post("/v1/jobs", json={**QUICK, "n_batches": 2}).json()["id"] for _ in range(2)]
    empty = client.post("/v1/archives", json={"ids": jobs})
    assert (empty.status_code, empty.json()["error"]["code"]) == (404, "not_found")
    contents: set[bytes] = set()
    for number, id in enumerate(jobs):
        folder = context_behind(client).runner.get(id).folder
        folder.mkdir(parents=True)
        for picture in range(2):
            file = folder / run_layout.picture_file(picture)
            Image.new("RGB", (8, 8), (number, picture, 0)).save(file)
            contents.add(file.read_bytes())
    reply = client.post("/v1/archives", json={"ids": [*jobs, jobs[0]]})
    assert reply.headers["Content-Type"] == "application/zip"
    assert reply.headers["Content-Length"] == str(len(reply.content))
    with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 4
        assert all("孤舟蓑笠翁" in name and "/" not in name for name in archive.namelist())
        assert {archive.read(name) for name in archive.namelist()} == contents
    assert client.post("/v1/archives", json={"ids": []}).status_code == 422
    assert client.post("/v1/archives", json={"ids": [str(uuid4())]}).status_code == 404
