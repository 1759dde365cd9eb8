"""Tiny networks with random weights in the real file formats, for tests that need a model but no real pictures."""

import gzip
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]
from torch import nn

from danqing.models.clip import ChineseClip, ClipConfig
from danqing.models.clip_openai import OpenAiClip, OpenAiConfig
from danqing.models.clip_resnet import ResNetConfig
from danqing.models.clip_text import TextConfig
from danqing.models.clip_vision import VisionConfig
from danqing.models.secondary import Secondary, SecondaryConfig
from danqing.models.text_encoder import TextEncoderConfig
from danqing.models.unet import UNet, UNetConfig

UNET = UNetConfig(channels=32, multipliers=(1, 1, 2), attention=(2,), blocks=1)
SECONDARY = SecondaryConfig(channels=(8, 8, 16))
SENTENCES = "孤舟蓑笠翁独钓寒江雪山水画由齐白石所作墨一二三远，。"
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *dict.fromkeys(SENTENCES)]
CLIP = ClipConfig(
    embed=16,
    vision=VisionConfig(resolution=32, patch=16, width=64, layers=1),
    text=TextConfig(vocabulary=len(VOCABULARY), width=64, layers=1, mlp=64, positions=52),
)

OPENAI = OpenAiConfig(24, ResNetConfig(32, 8, (1, 1, 1, 1)), vocabulary=518, positions=77, width=64, layers=1)
MERGES = ["#version: 0.2", "i n", "in k</w>", "t h", "th e</w>"]


def randomise(network: nn.Module, seed: int) -> nn.Module:
    """Fill every tensor with small random numbers; norm weights are around 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.named_parameters():
            mean = 1.0 if tensor.ndim == 1 and name.endswith("weight") else 0.0
            spread = 0.1 if tensor.ndim < 2 else (1 / tensor[0].numel()) ** 0.5
            tensor.normal_(mean, spread, generator=generator)
    return network


def write_tiny_model(folder: Path, *, classes: int | None = None, text: bool = False) -> Path:
    """Write the files of an installed model into a folder; with `text`, its U-Net is text-conditional."""
    folder.mkdir(parents=True, exist_ok=True)
    unet = replace(UNET, classes=classes)
    if text:
        unet = replace(unet, text=TextEncoderConfig(CLIP.text, projection=16, embedding=UNET.embedding), pixel_head=8)
        (folder / "unet_vocab.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    for seed, (name, network) in enumerate(
        {"unet": UNet(unet), "secondary": Secondary(SECONDARY), "clip": ChineseClip(CLIP)}.items()
    ):
        save_file(dict(randomise(network, seed).state_dict()), folder / f"{name}.safetensors")
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    return folder


def write_openai(folder: Path, *, number: int = 1) -> Path:
    """Write the files of an OpenAI ResNet CLIP, as CLIP `number` of a model."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = "" if number == 1 else str(number)
    save_file(dict(randomise(OpenAiClip(OPENAI), 9).state_dict()), folder / f"clip{stem}.safetensors")
    (folder / f"vocab{stem}.txt.gz").write_bytes(gzip.compress(("\n".join(MERGES) + "\n").encode()))
    return folder
