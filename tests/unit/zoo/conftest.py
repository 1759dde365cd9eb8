"""A catalog with tiny files instead of the published ones, and a server that provides them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file  # pyright: ignore[reportUnknownVariableType]

from danqing.zoo.catalog import catalog, files, models
from danqing.zoo.spec import RemoteFile
from tests.tiny_model import write_tiny_model
from tests.unit.zoo.faulty import Server, serving

NAMES = {
    "512x512_diffusion_uncond_finetune_008100.pt": "unet.safetensors",
    "secondary_model_imagenet_2.pth": "secondary.safetensors",
    "clip_cn_vit-b-16.pt": "clip.safetensors",
    "vocab.txt": "vocab.txt",
}


@dataclass(frozen=True)
class Originals:
    """A folder of original files under their published names."""

    folder: Path

    def file(self, name: str) -> RemoteFile:
        """What the catalog says of a file."""
        content = (self.folder / name).read_bytes()
        return RemoteFile(name, (), hashlib.sha256(content).hexdigest(), len(content))


@pytest.fixture(scope="session")
def originals_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny networks in the original formats. Do not write there."""
    folder = tmp_path_factory.mktemp("originals")
    ready = write_tiny_model(tmp_path_factory.mktemp("ready"))
    for name, made in NAMES.items():
        if made == "vocab.txt":
            (folder / name).write_bytes((ready / made).read_bytes())
        else:
            torch.save(load_file(ready / made), folder / name)
    return folder


@pytest.fixture
def originals(originals_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Originals]:
    """The original model's files, tiny, and known to the catalog by their checksums."""
    made = Originals(originals_folder)
    unet, secondary, clip, vocab = (made.file(name) for name in NAMES)
    monkeypatch.setattr(files, "original_unet", lambda: unet)
    monkeypatch.setattr(files, "secondary", lambda: secondary)
    monkeypatch.setattr(files, "chinese_vocabulary", lambda: vocab)
    published = files.chinese_clip

    def chinese_clip(repository: str, name: str, about: int) -> RemoteFile:
        return clip if name == clip.name else published(repository, name, about)

    monkeypatch.setattr(files, "chinese_clip", chinese_clip)
    _clear_catalog()
    yield made
    _clear_catalog()


@pytest.fixture
def mirror(originals: Originals, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that offers those files, set as the mirror."""
    with serving() as server:
        for name in NAMES:
            server.add(f"/{name}", (originals.folder / name).read_bytes())
        monkeypatch.setenv("DANQING_MIRROR", server.address)
        yield server


def _clear_catalog() -> None:
    """Have the catalog built again: it is built once in a process."""
    models.cache_clear()
    catalog.cache_clear()
