"""Installing a model from local files: a folder of originals, a PaddleHub module, another DANQING_HOME."""

import pickle
import shutil
from pathlib import Path

import pytest
import torch

from danqing.errors import InvalidRequest, ModelNotFound, WeightsError
from danqing.models.clip import ChineseClip
from danqing.models.secondary import Secondary
from danqing.models.unet import UNet
from danqing.pipeline.model import load_model
from danqing.settings import read_settings
from danqing.zoo.add_custom import add_checkpoint
from danqing.zoo.catalog import ORIGINAL, files
from danqing.zoo.custom_models import load_custom, make_custom, save_custom
from danqing.zoo.install import install, install_from
from danqing.zoo.manifest import read_manifest, verify
from danqing.zoo.registry import get_installed, get_spec, is_installed, model_dir
from danqing.zoo.spec import RemoteFile
from tests.tiny_model import CLIP as CLIP_SHAPE
from tests.tiny_model import SECONDARY, UNET, randomise, write_tiny_model
from tests.unit.zoo.conftest import NAMES, Originals
from tests.unit.zoo.convert.test_read_paddle import as_paddle


def take(source: Path, name: str = ORIGINAL, *, check: bool = True) -> list[str]:
    return [event.file for event in install_from(name, source, read_settings(), verify=check)]


def test_a_folder_of_original_files(originals: Originals) -> None:
    assert set(take(originals.folder)) == set(NAMES.values())
    place = model_dir(get_spec(ORIGINAL), read_settings())
    record = read_manifest(place).files["unet.safetensors"]
    name = "512x512_diffusion_uncond_finetune_008100.pt"
    assert record.made_from == {name: originals.file(name).sha256}
    assert {result.state for result in verify(get_spec(ORIGINAL), read_settings())} == {"ok"}


def test_files_are_found_at_any_depth(originals: Originals, tmp_path: Path) -> None:
    for number, name in enumerate(NAMES):
        (tmp_path / "module" / str(number)).mkdir(parents=True)
        shutil.copy(originals.folder / name, tmp_path / "module" / str(number))
    take(tmp_path)
    assert is_installed(ORIGINAL, read_settings())


def test_a_wrong_checksum_is_refused_unless_the_user_knows_better(originals: Originals, tmp_path: Path) -> None:
    shutil.copytree(originals.folder, tmp_path / "weights")
    with (tmp_path / "weights" / "vocab.txt").open("a", encoding="utf-8") as stream:
        stream.write("另\n")
    with pytest.raises(WeightsError, match=r"vocab\.txt.*--no-verify"):
        take(tmp_path / "weights")
    assert not is_installed(ORIGINAL, read_settings())
    take(tmp_path / "weights", check=False)
    assert is_installed(ORIGINAL, read_settings())


def test_missing_files_are_named(originals: Originals, tmp_path: Path) -> None:
    shutil.copy(originals.folder / "vocab.txt", tmp_path)
    with pytest.raises(ModelNotFound, match=r"secondary_model_imagenet_2\.pth"):
        take(tmp_path)
    with pytest.raises(ModelNotFound, match=r"vocab\.txt does not exist"):
        take(tmp_path / "vocab.txt")


def test_another_home(originals: Originals, tmp_path: Path) -> None:
    assert originals.folder.is_dir()
    other = tmp_path / "other"
    write_tiny_model(other / "models" / ORIGINAL)
    take(other)
    assert is_installed(ORIGINAL, read_settings())


def test_folder_of_the_paddlehub_module(originals: Originals, tmp_path: Path) -> None:
    networks = {
        "reverse_diffusion/pre_trained/512x512_diffusion_uncond_finetune_008100": UNet(UNET),
        "reverse_diffusion/pre_trained/secondary_model_imagenet_2": Secondary(SECONDARY),
        "cn_clip/clip/pre_trained/ViTB16": ChineseClip(CLIP_SHAPE),
    }
    vocab = tmp_path / ORIGINAL / "cn_clip/clip/vocab.txt"
    vocab.parent.mkdir(parents=True)
    shutil.copy(originals.folder / "vocab.txt", vocab)
    for name, network in networks.items():
        path = tmp_path / ORIGINAL / f"{name}.pdparams"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(as_paddle(randomise(network, 1))))
    take(tmp_path / ORIGINAL)
    model = load_model(get_installed(ORIGINAL, read_settings()), home=read_settings().home, device="cpu")
    assert model.unet.config == UNET
    encoder = randomise(ChineseClip(CLIP_SHAPE), 1).state_dict()
    assert torch.equal(model.clips[0].encoder.state_dict()["text_projection"], encoder["text_projection"])


def test_a_tensor_that_the_network_has_no_use_for_is_left_out(originals: Originals, tmp_path: Path) -> None:
    name = "FeiArt_Handpainted_CG_Diffusion"
    state = randomise(UNet(UNET), 1).state_dict() | {"label_emb.weight": torch.zeros(1000, 128)}
    torch.save(dict(state), tmp_path / "FeiArt-Handpainted-CG-Diffusion.pt")
    for other in NAMES:
        shutil.copy(originals.folder / other, tmp_path)
    take(tmp_path, name, check=False)
    settings = read_settings()
    assert {result.state for result in verify(get_spec(name), settings)} == {"ok"}
    assert load_model(get_installed(name, settings), home=settings.home, device="cpu").unet.config.classes is None


def test_a_file_made_of_two_is_converted_from_both(
    originals: Originals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(originals.folder, tmp_path / "weights")
    for name in ("vgg.pth", "vgg16.pth"):
        (tmp_path / "weights" / name).write_text(name, encoding="utf-8")
    monkeypatch.setattr(files, "lpips", lambda: (RemoteFile("vgg16.pth"), RemoteFile("vgg.pth")))

    def convert(source: Path, target: Path, kind: str, *, half: bool, ignored_keys: object = ()) -> None:
        del half, ignored_keys
        together = sorted(path.name for path in source.iterdir()) if source.is_dir() else []
        target.write_text(f"{kind} {together}", encoding="utf-8")

    monkeypatch.setattr("danqing.zoo.install.convert_file", convert)
    take(tmp_path / "weights")
    place = model_dir(get_spec(ORIGINAL), read_settings())
    assert (place / "lpips.safetensors").read_text("utf-8") == "lpips ['vgg.pth', 'vgg16.pth']"
    assert list(read_manifest(place).files["lpips.safetensors"].made_from) == ["vgg16.pth", "vgg.pth"]


def test_damage_is_found(originals: Originals) -> None:
    take(originals.folder)
    place = model_dir(get_spec(ORIGINAL), read_settings())
    content = bytearray((place / "clip.safetensors").read_bytes())
    content[-1] ^= 1
    (place / "clip.safetensors").write_bytes(content)
    (place / "vocab.txt").unlink()
    found = {result.file: result.state for result in verify(get_spec(ORIGINAL), read_settings())}
    assert found == {
        "unet.safetensors": "ok",
        "secondary.safetensors": "ok",
        "clip.safetensors": "damaged",
        "vocab.txt": "missing",
    }


class TestACheckpointOfOnesOwn:
    def write(self, path: Path) -> Path:
        torch.save(dict(randomise(UNet(UNET), 1).state_dict()), path)
        return path

    def test_it_becomes_a_model(self, originals: Originals, tmp_path: Path) -> None:
        settings = read_settings()
        take(originals.folder)
        entry = make_custom("ink.pt", clips={}, secondary=True)
        shown: list[Path] = []
        add_checkpoint(self.write(tmp_path / "ink.pt"), "墨竹", entry, settings, check=shown.append)
        assert shown[0].name == "unet.safetensors"
        list(install("墨竹", settings))
        assert get_installed("墨竹", settings).paths["unet"].parent == settings.models / "墨竹"

    def test_a_name_alone_makes_no_twin(self, originals: Originals, tmp_path: Path) -> None:
        settings = read_settings()
        take(originals.folder)
        add_checkpoint(
            self.write(tmp_path / "ink.pt"), "墨竹", make_custom("ink.pt", clips={}, secondary=True), settings
        )
        save_custom(settings, {**load_custom(settings), "墨兰": make_custom("ink.pt", clips={}, secondary=True)})
        with pytest.raises(ModelNotFound, match=r"ink\.pt"):
            take(originals.folder, "墨兰")

    def test_it_is_refused_whole(self, tmp_path: Path) -> None:
        settings = read_settings()
        entry = make_custom("ink.pt", clips={}, secondary=True)

        def check(path: Path) -> None:
            raise WeightsError("不对", f"{path} does not fit")

        with pytest.raises(WeightsError, match=f"{tmp_path / 'ink.pt'} does not fit"):
            add_checkpoint(self.write(tmp_path / "ink.pt"), "墨竹", entry, settings, check=check)
        with pytest.raises(ModelNotFound):
            add_checkpoint(tmp_path / "none.pt", "墨竹", entry, settings)
        with pytest.raises(InvalidRequest):
            add_checkpoint(tmp_path / "ink.pt", ORIGINAL, entry, settings)
        assert not settings.models_file.exists()
        assert not (settings.models / "墨竹").exists()
