"""Models in a tar: what goes in comes out, and nothing else does."""

import io
import tarfile
from pathlib import Path

import pytest

from danqing.errors import ModelNotFound, StorageError, WeightsError
from danqing.settings import read_settings
from danqing.zoo.add_custom import add_checkpoint
from danqing.zoo.archive import opened, pack
from danqing.zoo.catalog import MINI, ORIGINAL
from danqing.zoo.custom_models import own_model
from danqing.zoo.install import adopt, install
from danqing.zoo.manifest import verify
from danqing.zoo.registry import find, folder, installed, spec_of
from tests.unit.zoo.conftest import NAMES, Originals


def test_a_packed_model_installs_on_another_machine(
    originals: Originals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(adopt(ORIGINAL, originals.folder, read_settings()))
    tar = pack(ORIGINAL, tmp_path, read_settings())
    assert tar == tmp_path / f"{ORIGINAL}.tar"
    before = folder(spec_of(ORIGINAL), read_settings())
    monkeypatch.setenv("DANQING_HOME", str(tmp_path / "elsewhere"))
    settings = read_settings()
    assert {event.file for event in adopt(ORIGINAL, tar, settings)} == set(NAMES.values())
    assert installed(ORIGINAL, settings)
    assert {finding.state for finding in verify(spec_of(ORIGINAL), settings)} == {"right"}
    for name in NAMES.values():
        assert (settings.models / ORIGINAL / name).read_bytes() == (before / name).read_bytes()


def test_a_model_of_ones_own_takes_its_entry_along(
    originals: Originals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(adopt(ORIGINAL, originals.folder, read_settings()))
    checkpoint = originals.folder / "512x512_diffusion_uncond_finetune_008100.pt"
    entry = own_model(checkpoint.name, clips={}, secondary=False)
    add_checkpoint(checkpoint, "墨竹", entry, read_settings())
    list(install("墨竹", read_settings()))
    tar, first = pack("墨竹", tmp_path, read_settings()), read_settings().home
    for number, source in enumerate((tar, first)):
        monkeypatch.setenv("DANQING_HOME", str(tmp_path / str(number)))
        list(adopt("墨竹", source, read_settings()))
        assert find("墨竹", read_settings()).spec.own
        assert "secondary" not in find("墨竹", read_settings()).paths


def test_only_what_is_installed_is_packed(originals: Originals, tmp_path: Path) -> None:
    for name in (MINI, ORIGINAL):
        with pytest.raises(ModelNotFound, match="打不了包"):
            pack(name, tmp_path, read_settings())
    list(adopt(ORIGINAL, originals.folder, read_settings()))
    with pytest.raises(StorageError, match="--out"):
        pack(ORIGINAL, tmp_path / "no" / "folder" / "x.tar", read_settings())


@pytest.mark.parametrize(
    "name", ["../vocab.txt", "/tmp/vocab.txt", "a/../../vocab.txt", "vocab.txt/../../../vocab.txt"]
)
def test_a_name_that_leads_outside_is_refused(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        member = tarfile.TarInfo(name)
        member.size = 4
        tar.addfile(member, io.BytesIO(b"evil"))
    before = set(tmp_path.rglob("*"))
    try:
        with opened(tmp_path / "evil.tar", {"vocab.txt"}, read_settings()) as place:
            assert all(path.resolve().is_relative_to(place.resolve()) for path in place.rglob("*"))
    except WeightsError as error:
        assert "evil.tar" in error.zh  # noqa: PT017
    assert {path for path in tmp_path.rglob("*") if path.name == "vocab.txt"} <= before
    assert not Path("/tmp/vocab.txt").exists()


def test_links_devices_and_other_names_stay_in_the_tar(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x", encoding="utf-8")
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        for name, kind in (
            ("vocab.txt", tarfile.SYMTYPE),
            ("clip.safetensors", tarfile.LNKTYPE),
            ("x", tarfile.FIFOTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type = kind
            member.linkname = str(tmp_path / "secret")
            tar.addfile(member)
        tar.addfile(tarfile.TarInfo("stranger.py"))
    with opened(tmp_path / "evil.tar", {"vocab.txt", "clip.safetensors", "x"}, read_settings()) as place:
        assert list(place.rglob("*")) == []
