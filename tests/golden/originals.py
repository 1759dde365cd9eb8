"""Names, shapes and attention heads of the original networks at their published sizes, built without any weights.

Recorded once, and compared with the packages themselves wherever they can be imported:

    pip install --no-deps --target refs guided-diffusion-sdk==1.0.0 discoart==0.12.1 cn-clip==1.6.0 lpips==0.1.4 \\
        open-clip-torch==3.3.0 timm==1.0.31 torchvision==0.28.0 ftfy==6.3.1 wcwidth regex tqdm six scipy
    PYTHONPATH=src:refs python -m tests.golden.originals        # writes data/shapes.json
"""

import hashlib
import importlib
import importlib.util
import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

DATA = Path(__file__).parent / "data" / "shapes.json"

Shapes = dict[str, tuple[int, ...]]


class Print(NamedTuple):
    """What is kept of a network: short, and different for any two."""

    tensors: int
    numbers: int
    heads: dict[str, int]
    """How many attentions have so many heads."""
    sha256: str
    """Of the lines "name [shape]", sorted."""


def take_print(shapes: Shapes, heads: Counter[int]) -> Print:
    """The print of a network.

    Args:
        shapes: of its tensors by name.
        heads: how many attentions have so many heads.
    """
    lines = "\n".join(f"{name} {list(shape)}" for name, shape in sorted(shapes.items()))
    numbers = sum(torch.Size(shape).numel() for shape in shapes.values())
    found = {str(count): times for count, times in sorted(heads.items())}
    return Print(len(shapes), numbers, found, hashlib.sha256(lines.encode()).hexdigest())


def shapes_of(network: nn.Module) -> Shapes:
    """Name and shape of every tensor."""
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def heads_of(network: nn.Module) -> Counter[int]:
    """How many attentions have so many heads, ours or theirs."""
    names = ("heads", "num_heads", "num_attention_heads")
    parts = (
        module for module in network.modules() if module is not network
    )  # their U-Net has a number that it ignores
    found = (next((getattr(module, name) for name in names if hasattr(module, name)), None) for module in parts)
    return Counter(count for count in found if isinstance(count, int))


# What the notebook and discoart configure for each family; everything else is as guided-diffusion has it.
_SIXTEEN = {"attention_resolutions": "16", "num_heads": 1, "use_scale_shift_norm": False, "resblock_updown": False}
_UNETS: Mapping[str, Mapping[str, object]] = {
    "A512": {"image_size": 512, "num_channels": 256, "num_head_channels": 64},
    "A256": {"image_size": 256, "num_channels": 256, "num_head_channels": 64},
    "P512": {"image_size": 512, "num_channels": 128},
    "P256": {"image_size": 256, "num_channels": 128},
    "K": {"image_size": 256, "num_channels": 128, **_SIXTEEN},
}
_CHINESE = {
    "chinese-clip-vit-b-16": ("ViT-B-16", "RoBERTa-wwm-ext-base-chinese"),
    "chinese-clip-vit-l-14": ("ViT-L-14", "RoBERTa-wwm-ext-base-chinese"),
    "chinese-clip-vit-l-14-336": ("ViT-L-14-336", "RoBERTa-wwm-ext-base-chinese"),
    "chinese-clip-vit-h-14": ("ViT-H-14", "RoBERTa-wwm-ext-large-chinese"),
    "chinese-clip-rn50": ("RN50", "RBT3-chinese"),
}
_OPENAI = {
    "clip-vit-b-32": "ViT-B-32-quickgelu",
    "clip-vit-b-16": "ViT-B-16-quickgelu",
    "clip-vit-l-14": "ViT-L-14-quickgelu",
    "clip-rn50": "RN50-quickgelu",
    "clip-rn101": "RN101-quickgelu",
}
NAMES = (*_UNETS, "secondary", *_CHINESE, *_OPENAI, "lpips")


def original(name: str) -> tuple[Shapes, Counter[int]]:
    """An original network's shapes and heads.

    Raises:
        ImportError: its package is not installed.
    """
    with torch.device("meta"):
        network = _builder(name)()
    shapes = shapes_of(network)
    if name == "lpips":  # what its two published files hold
        shapes = {key: shape for key, shape in shapes.items() if key.startswith(("net.slice", "lin")) and key[3] != "s"}
    return shapes, heads_of(network)


def _builder(name: str) -> Callable[[], nn.Module]:
    if name in _UNETS:
        return lambda: _unet(name)
    if name in _CHINESE:
        return lambda: _chinese(*_CHINESE[name])
    if name in _OPENAI:
        return lambda: _openai(_OPENAI[name])
    return {"secondary": _secondary, "lpips": _lpips}[name]


def _unet(family: str) -> nn.Module:
    defaults: dict[str, object] = {
        "channel_mult": "", "num_res_blocks": 2, "num_heads": 4, "num_head_channels": -1, "num_heads_upsample": -1,
        "attention_resolutions": "32,16,8", "learn_sigma": True, "class_cond": False, "use_scale_shift_norm": True,
        "resblock_updown": True, "dropout": 0.0, "use_checkpoint": False, "use_fp16": False,
        "use_new_attention_order": False,
    }  # fmt: skip
    return _load("guided_diffusion.script_util").create_model(**{**defaults, **_UNETS[family]})


def _secondary() -> nn.Module:
    package = importlib.util.find_spec("discoart")  # importing all of it would start threads and downloads
    if package is None or not package.submodule_search_locations:
        raise ImportError("discoart")
    path = Path(package.submodule_search_locations[0]) / "nn" / "sec_diff.py"
    spec = importlib.util.spec_from_file_location("discoart_sec_diff", path)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SecondaryDiffusionImageNet2()


def _chinese(vision: str, text: str) -> nn.Module:
    module = _load("cn_clip.clip.model")
    folder = Path(module.__file__).parent / "model_configs"
    config: dict[str, Any] = {}
    for part in (vision, text):
        config |= json.loads((folder / f"{part}.json").read_text(encoding="utf-8"))
    if isinstance(config["vision_layers"], str):
        config["vision_layers"] = json.loads(config["vision_layers"])
    return module.CLIP(**config)


def _openai(name: str) -> nn.Module:
    module = _load("open_clip.model")
    folder = Path(module.__file__).parent / "model_configs"
    return module.CLIP(**json.loads((folder / f"{name}.json").read_text(encoding="utf-8")))


def _lpips() -> nn.Module:
    return _load("lpips").LPIPS(net="vgg", pretrained=False, pnet_rand=True, verbose=False)


def _load(name: str) -> Any:
    """A module of the originals, which want torchvision; it imports beside any torch once two operators are there."""
    try:
        importlib.import_module("torchvision")
    except (RuntimeError, AttributeError):
        library: Any = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _KEPT.append(library)
    return importlib.import_module(name)


_KEPT: list[object] = []  # an operator is gone when its library is


def main() -> None:
    """Record all of them."""
    prints = {name: take_print(*original(name))._asdict() for name in NAMES}
    DATA.write_text(json.dumps(prints, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
