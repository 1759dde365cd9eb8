"""Conversion of published weights: formats, errors, and atomic writes."""

import pickle
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor, nn

from danqing.errors import WeightsError
from danqing.models.clip import ChineseClip, ClipConfig
from danqing.models.clip_openai import OpenAiClip, OpenAiConfig
from danqing.models.clip_resnet import ResNetConfig
from danqing.models.clip_text import TextConfig
from danqing.models.clip_vision import VisionConfig
from danqing.models.load import load_encoder, load_lpips, load_secondary, load_unet
from danqing.models.lpips import Lpips
from danqing.models.secondary import Secondary, SecondaryConfig
from danqing.models.unet import UNet, UNetConfig
from danqing.zoo.convert import Kind, convert_file
from tests.malicious_inputs import CreatesFolder

State = dict[str, Tensor]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "installed").mkdir()
    return tmp_path / "installed" / "weights.safetensors"


def clip_state() -> State:
    vision, text = VisionConfig(32, 16, 64, 2), TextConfig(vocabulary=40, width=64, layers=1, mlp=96, positions=52)
    return dict(ChineseClip(ClipConfig(16, vision, text)).state_dict())


def same(network: nn.Module, state: State) -> bool:
    loaded = network.state_dict()
    return loaded.keys() == state.keys() and all(torch.equal(loaded[name], state[name]) for name in state)


def networks() -> list[tuple[Kind, State, Callable[[Path], nn.Module]]]:
    unet = UNet(UNetConfig(channels=32, multipliers=(1, 2), attention=(1,), blocks=1))
    return [
        ("unet", dict(unet.state_dict()), load_unet),
        ("secondary", dict(Secondary(SecondaryConfig((8, 16))).state_dict()), load_secondary),
        ("clip", clip_state(), load_encoder),
    ]


@pytest.mark.parametrize(("kind", "state", "load"), networks())
@pytest.mark.parametrize("zipped", [True, False])
def test_plain_state_dicts(
    tmp_path: Path, target: Path, kind: Kind, state: State, load: Callable[[Path], nn.Module], zipped: bool
) -> None:
    torch.save(state, tmp_path / "original.pt", _use_new_zipfile_serialization=zipped)
    convert_file(tmp_path / "original.pt", target, kind)
    assert same(load(target), state)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_chinese_clip_checkpoint(tmp_path: Path, target: Path, prefix: str) -> None:
    state = clip_state()
    stored = {prefix + name: tensor for name, tensor in state.items()}
    stored[f"{prefix}bert.pooler.dense.weight"] = torch.zeros(64, 64)
    torch.save({"epoch": 3, "name": "x", "state_dict": stored, "optimizer": {}}, tmp_path / "clip.pt")
    convert_file(tmp_path / "clip.pt", target, "clip")
    assert same(load_encoder(target), state)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_chinese_clip_with_a_resnet_and_openais_checkpoints(tmp_path: Path, target: Path, prefix: str) -> None:
    resnet, text = (
        ResNetConfig(32, 8, (1, 1, 1, 1)),
        TextConfig(vocabulary=40, width=64, layers=1, mlp=96, positions=52),
    )
    for network in (ChineseClip(ClipConfig(16, resnet, text)), openai_clip()):
        stored = {prefix + name: tensor for name, tensor in network.state_dict().items()}
        torch.save({"state_dict": stored}, tmp_path / "clip.pt")
        convert_file(tmp_path / "clip.pt", target, "clip")
        assert same(load_encoder(target), dict(network.state_dict()))


def openai_clip() -> OpenAiClip:
    return OpenAiClip(OpenAiConfig(16, VisionConfig(32, 16, 64, 2), vocabulary=50, positions=9, width=64, layers=1))


def test_the_content_decides_and_not_the_name(tmp_path: Path, target: Path) -> None:
    state = dict(Secondary(SecondaryConfig((8, 16))).state_dict())
    writers: list[Callable[[Path], object]] = [
        lambda path: torch.save(state, path),
        lambda path: torch.save(state, path, _use_new_zipfile_serialization=False),
        lambda path: save_file(state, path),
        lambda path: path.write_bytes(pickle.dumps({name: tensor.numpy() for name, tensor in state.items()})),
    ]
    for write in writers:
        for name in ("a.pt", "a.safetensors", "a.pdparams", "a"):
            write(tmp_path / name)
            convert_file(tmp_path / name, target, "secondary")
            assert same(load_secondary(target), state)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_transformers_folder(tmp_path: Path, target: Path, name: str) -> None:
    state = clip_state()
    theirs = as_transformers(state)
    if name == "model.safetensors":
        save_file({key: tensor.contiguous() for key, tensor in theirs.items()}, tmp_path / name)
    else:
        torch.save(theirs, tmp_path / name)
    convert_file(tmp_path, target, "clip")
    assert same(load_encoder(target), state)


def test_openais_transformers_folder(tmp_path: Path, target: Path) -> None:
    state = dict(openai_clip().state_dict())
    save_file(
        {key: tensor.contiguous() for key, tensor in as_transformers(state).items()}, tmp_path / "model.safetensors"
    )
    convert_file(tmp_path, target, "clip")
    assert same(load_encoder(target), state)


def as_transformers(state: State) -> State:
    """The tensors of a CLIP in transformers' layout, written out by hand, the opposite way of `rename`."""
    theirs = {
        "logit_scale": state["logit_scale"],
        "text_projection.weight": state["text_projection"].T,
        "visual_projection.weight": state["visual.proj"].T,
        "text_model.embeddings.position_ids": torch.arange(52)[None],
        "vision_model.embeddings.position_ids": torch.arange(5)[None],
        "vision_model.embeddings.class_embedding": state["visual.class_embedding"],
        "vision_model.embeddings.patch_embedding.weight": state["visual.conv1.weight"],
        "vision_model.embeddings.position_embedding.weight": state["visual.positional_embedding"],
    }
    theirs |= blocks_of_transformers(state, "visual.transformer.resblocks", "vision_model.encoder.layers", 2)
    for kind in ("weight", "bias"):
        theirs[f"vision_model.pre_layrnorm.{kind}"] = state[f"visual.ln_pre.{kind}"]
        theirs[f"vision_model.post_layernorm.{kind}"] = state[f"visual.ln_post.{kind}"]
    if "ln_final.weight" not in state:
        return theirs | {f"text_model.{name[5:]}": tensor for name, tensor in state.items() if name.startswith("bert.")}
    theirs["text_model.embeddings.token_embedding.weight"] = state["token_embedding.weight"]
    theirs["text_model.embeddings.position_embedding.weight"] = state["positional_embedding"]
    for kind in ("weight", "bias"):
        theirs[f"text_model.final_layer_norm.{kind}"] = state[f"ln_final.{kind}"]
    return theirs | blocks_of_transformers(state, "transformer.resblocks", "text_model.encoder.layers", 1)


def blocks_of_transformers(state: State, ours: str, theirs: str, layers: int) -> State:
    renamed: State = {}
    for here, there in ((f"{ours}.{number}", f"{theirs}.{number}") for number in range(layers)):
        for kind in ("weight", "bias"):
            for letter, part in zip("qkv", state[f"{here}.attn.in_proj_{kind}"].chunk(3), strict=True):
                renamed[f"{there}.self_attn.{letter}_proj.{kind}"] = part
            renamed[f"{there}.self_attn.out_proj.{kind}"] = state[f"{here}.attn.out_proj.{kind}"]
            renamed[f"{there}.layer_norm1.{kind}"] = state[f"{here}.ln_1.{kind}"]
            renamed[f"{there}.layer_norm2.{kind}"] = state[f"{here}.ln_2.{kind}"]
            renamed[f"{there}.mlp.fc1.{kind}"] = state[f"{here}.mlp.c_fc.{kind}"]
            renamed[f"{there}.mlp.fc2.{kind}"] = state[f"{here}.mlp.c_proj.{kind}"]
    return renamed


def test_lpips_as_one_file_and_as_its_two_parts(tmp_path: Path, target: Path) -> None:
    state = {name: tensor.half() for name, tensor in Lpips().state_dict().items()}
    heads = {name: tensor for name, tensor in state.items() if name.startswith("lin")}
    whole = state | {f"lins.{name[3:]}": tensor for name, tensor in heads.items()}
    torch.save(whole | {"scaling_layer.shift": torch.zeros(1, 3, 1, 1)}, tmp_path / "lpips_vgg.pt")
    convert_file(tmp_path / "lpips_vgg.pt", target, "lpips")
    assert same(load_lpips(target, dtype=torch.float16), state)

    parts = tmp_path / "parts"
    parts.mkdir()
    torch.save(heads, parts / "vgg.pth")
    trunk = {f"features.{name[11:]}": tensor for name, tensor in state.items() if name.startswith("net.")}
    torch.save(trunk | {"classifier.0.weight": torch.zeros(2, 2)}, parts / "vgg16-397923af.pth")
    convert_file(parts, target, "lpips")
    assert same(load_lpips(target, dtype=torch.float16), state)


def test_half_stores_fp16_and_leaves_whole_numbers(tmp_path: Path, target: Path) -> None:
    torch.save(clip_state() | {"bert.counter": torch.tensor(7)}, tmp_path / "clip.pt")
    convert_file(tmp_path / "clip.pt", target, "clip", half=True)
    dtypes = {name: tensor.dtype for name, tensor in load_file(target).items()}
    assert dtypes.pop("bert.counter") == torch.int64
    assert set(dtypes.values()) == {torch.float16}


def test_tensors_that_share_memory_are_parted(tmp_path: Path, target: Path) -> None:
    flat = torch.randn(90)
    state = {"timestep_embed.weight": flat[:8].view(8, 1), "net.0.0.weight": flat[8:89].view(9, 9).T}
    torch.save(state, tmp_path / "flat.pt")
    convert_file(tmp_path / "flat.pt", target, "secondary")
    assert all(torch.equal(tensor, state[name]) for name, tensor in load_file(target).items())


@pytest.mark.parametrize("zipped", [True, False])
def test_pickles_with_other_objects_are_rejected_without_loading(tmp_path: Path, target: Path, zipped: bool) -> None:
    witness = tmp_path / "witness"
    torch.save({"state_dict": CreatesFolder(witness)}, tmp_path / "evil.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(WeightsError, match="mkdir") as caught:
        convert_file(tmp_path / "evil.pt", target, "unet")
    assert "evil.pt" in caught.value.en
    assert not witness.exists()
    assert not list(target.parent.iterdir())


@pytest.mark.parametrize("content", [b"", b"hello", b"<html>404</html>", b"PK\x03\x04junk", bytes(range(256)) * 9])
@pytest.mark.parametrize("name", ["original.pt", "original.pth", "original.safetensors"])
def test_damaged_files_are_refused(tmp_path: Path, target: Path, content: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match="original"):
        convert_file(tmp_path / name, target, "unet")
    assert not list(target.parent.iterdir())


def test_cut_off_and_absent_files_are_refused(tmp_path: Path, target: Path) -> None:
    torch.save(clip_state(), tmp_path / "clip.pt")
    content = (tmp_path / "clip.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(content[: len(content) // 2])
    for name in ("cut.pt", "absent.pt", "absent.safetensors"):
        with pytest.raises(WeightsError, match=name):
            convert_file(tmp_path / name, target, "clip")


@pytest.mark.parametrize("stored", [[1, 2], {"a": 1}, {"state_dict": {"x": torch.zeros(1), "y": "text"}}])
def test_files_without_a_state_dict_are_refused(tmp_path: Path, target: Path, stored: object) -> None:
    torch.save(stored, tmp_path / "original.pt")
    with pytest.raises(WeightsError, match="original"):
        convert_file(tmp_path / "original.pt", target, "unet")


@pytest.mark.parametrize("kind", ["unet", "secondary", "lpips"])
def test_the_wrong_kind_is_refused(tmp_path: Path, target: Path, kind: Kind) -> None:
    torch.save(clip_state(), tmp_path / "clip.pt")
    with pytest.raises(WeightsError, match=f"kind {kind}"):
        convert_file(tmp_path / "clip.pt", target, kind)


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("model.diffusion_model.time_embed.0.weight", "Stable Diffusion"),
        ("down_blocks.0.resnets.0.conv1.weight", "diffusers' layout"),
        ("out.2.c_proj.weight", "guided-diffusion's classifier"),
        ("timestep_embed.weight", "a secondary network"),
        ("visual.conv1.weight", "a CLIP"),
        ("never.heard.of", "Check that it is the right file"),
    ],
)
def test_the_error_guesses_what_the_file_contains(tmp_path: Path, target: Path, name: str, guess: str) -> None:
    torch.save({name: torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match=guess):
        convert_file(tmp_path / "other.pt", target, "unet")


def test_folders_without_weights_are_refused(tmp_path: Path, target: Path) -> None:
    with pytest.raises(WeightsError, match=r"pytorch_model\.bin"):
        convert_file(tmp_path, target, "clip")
    with pytest.raises(WeightsError, match="lpips"):
        convert_file(tmp_path, target, "lpips")


def test_transformers_file_without_a_key_is_refused(tmp_path: Path, target: Path) -> None:
    theirs = as_transformers(clip_state())
    del theirs["vision_model.encoder.layers.1.self_attn.k_proj.bias"]
    torch.save(theirs, tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsError, match="k_proj"):
        convert_file(tmp_path, target, "clip")


def test_the_old_file_remains_when_writing_fails(tmp_path: Path, target: Path) -> None:
    torch.save(clip_state(), tmp_path / "clip.pt")
    with pytest.raises(OSError, match="absent"):
        convert_file(tmp_path / "clip.pt", tmp_path / "absent" / "clip.safetensors", "clip")
    target.write_bytes(b"old")
    with pytest.raises(WeightsError):
        convert_file(tmp_path / "clip.pt", target, "unet")
    assert target.read_bytes() == b"old"


def test_the_file_has_usual_permissions_and_no_leftovers(tmp_path: Path, target: Path) -> None:
    torch.save(clip_state(), tmp_path / "clip.pt")
    convert_file(tmp_path / "clip.pt", target, "clip")
    other = tmp_path / "other"
    other.touch()
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)
    assert [path.name for path in target.parent.iterdir()] == [target.name]
