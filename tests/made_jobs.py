"""A home with many finished jobs that nobody painted, for tests and measurements of the gallery."""

import os
import time
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from PIL import Image

from danqing.jobs.job_folders import JOBS
from danqing.jobs.job_rows import RequestKey, RestoredJob
from danqing.jobs.job_store import JobStore
from danqing.jobs.sqlite_database import SqliteDatabase
from danqing.request import read_request
from danqing.results import run_layout
from tests.serving import MODEL

NAMES = uuid5(NAMESPACE_URL, "danqing-made-jobs")
SENTENCES = ("孤舟蓑笠翁，独钓寒江雪", "远山如黛，近水含烟", "竹林里的亭子", "夕阳下的灯塔", "雪山下的湖", "星夜的村庄")
STYLES = ("水墨画", "油画", "青绿山水", "水彩画")
SIZES = ((512, 512), (768, 512), (512, 768), (1536, 512))
HOUR = 3600


def add_made_jobs(home: Path, count: int) -> None:
    """Add finished jobs to a home, one every hour until now; one in seven was stopped. The service must not run."""
    service = home / "service"
    pictures = _make_pictures(service)
    now = time.time()
    jobs: list[RestoredJob] = []
    for number in range(count):
        size = SIZES[number % len(SIZES)]
        fields = {
            "prompts": f"{SENTENCES[number % len(SENTENCES)]}，第{number}幅",
            "style": STYLES[number % len(STYLES)],
        }
        request = read_request({**fields, "size": size, "seed": number, "model": MODEL, "steps": 20})
        id = str(uuid5(NAMES, str(number)))
        created = now - (count - number) * HOUR
        state = "cancelled" if number % 7 == 3 else "finished"
        values = request.model_dump(mode="json")
        jobs.append(RestoredJob(id, state, RequestKey(str(number), ""), values, created, created + 40))
        folder = service / JOBS / id
        folder.mkdir(parents=True)
        if state == "finished":
            os.link(pictures[number % len(pictures)], folder / run_layout.picture_file(0))
    database = SqliteDatabase(service)
    JobStore(database, service / JOBS).restore(jobs)
    database.close()


def _make_pictures(folder: Path) -> list[Path]:
    """Write one picture of each size, with gradients of different colours."""
    files: list[Path] = []
    for number, (width, height) in enumerate(SIZES):
        file = folder / "made" / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        bands = [
            Image.linear_gradient("L").resize((width, height)).point([value * n // 4 for value in range(256)])
            for n in (4, 3, 1 + number % 3)
        ]
        Image.merge("RGB", bands).save(file)
        files.append(file)
    return files
