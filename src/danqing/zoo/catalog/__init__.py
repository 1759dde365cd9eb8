"""Catalog of known models. Models added by the user are in `custom_models`."""

import importlib.resources
import json
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType

from danqing.zoo.catalog import files
from danqing.zoo.catalog.clips import clip_specs, get_clip
from danqing.zoo.catalog.unets import RESEARCH, UNETS, PublishedUNet
from danqing.zoo.catalog.upscalers import EMBEDDED, EMBEDDED_FILE, upscaler_specs
from danqing.zoo.spec import ModelSpec, RemoteFile, WeightFile

MINI = "danqing_mini"
ORIGINAL = "disco_diffusion_cnclip_vitb16"
DEFAULT_CLIP = "chinese-clip-vit-b-16"
"""The CLIP of the original model, and the default of every other model."""


@cache
def models() -> Mapping[str, ModelSpec]:
    """Return the models with a U-Net by name, in order of preference."""
    return MappingProxyType({spec.name: spec for spec in _models()})


@cache
def catalog() -> Mapping[str, ModelSpec]:
    """Return all entries by name: models, single CLIPs and upscalers."""
    return MappingProxyType({spec.name: spec for spec in (*_models(), *clip_specs(), *upscaler_specs(_embedded()))})


def model_files(unet: WeightFile, clips: Mapping[str, float], *, secondary: bool = True) -> tuple[WeightFile, ...]:
    """Return all files of a model.

    Args:
        unet: file of the U-Net.
        clips: names of the CLIPs in order, with their weights.
        secondary: include the secondary network.
    Raises:
        KeyError: a CLIP is unknown.
    """
    secondary_file = WeightFile(
        "secondary", (files.secondary(),), alternatives=("secondary_model_imagenet_2.pdparams",)
    )
    lpips = WeightFile("lpips", files.lpips(), alternatives=("lpips_vgg.pt", "lpips"), optional=True)
    clip_files = (file for index, name in enumerate(clips, 1) for file in get_clip(name).files_for(index))
    return (unet, *((secondary_file,) if secondary else ()), *clip_files, lpips)


def exported_files(
    remote_file: Callable[[str], RemoteFile], clip_count: int, *, text_conditional: bool
) -> tuple[WeightFile, ...]:
    """Return the files of a model exported by `danqing train`.

    Args:
        remote_file: creates the entry of a file from its name.
        clip_count: number of CLIPs, 1 or 2.
        text_conditional: whether the U-Net takes the prompts as input.
    """
    clips = ((1, "clip.safetensors", "vocab.txt"), (2, "clip2.safetensors", "vocab2.txt"))[:clip_count]
    return (
        WeightFile("unet", (remote_file("unet.safetensors"),)),
        *([WeightFile("unet_vocab", (remote_file("unet_vocab.txt"),))] if text_conditional else []),
        WeightFile("secondary", (remote_file("secondary.safetensors"),)),
        *(WeightFile("clip", (remote_file(clip),), clip_index=index) for index, clip, _ in clips),
        *(WeightFile("vocab", (remote_file(vocab),), clip_index=index) for index, _, vocab in clips),
    )


def exported_clips(name: str, clip_count: int) -> Mapping[str, float]:
    """Return the names and weights of the CLIPs of an exported model; the weights add up to 1."""
    return MappingProxyType({name: 1.0} if clip_count == 1 else {name: 0.5, f"{name}-2": 0.5})


def _models() -> tuple[ModelSpec, ...]:
    return (_original(), _mini(), *(_fine_tuned(row) for row in UNETS), *_openai_clip_models())


def _original() -> ModelSpec:
    return ModelSpec(
        name=ORIGINAL,
        title_zh="Disco Diffusion 512x512 与 Chinese-CLIP ViT-B/16，PaddleHub 同名模块所用",
        title_en="Disco Diffusion 512x512 with Chinese-CLIP ViT-B/16, as in the PaddleHub module of that name",
        files=model_files(_original_unet(), {DEFAULT_CLIP: 1.0}),
        licence=f"{RESEARCH}; code MIT and Apache-2.0",
        resolution=512,
        clips={DEFAULT_CLIP: 1.0},
    )


def _original_unet() -> WeightFile:
    file = files.original_unet()
    return WeightFile("unet", (file,), alternatives=(file.name.replace(".pt", ".pdparams"),))


def _fine_tuned(row: PublishedUNet) -> ModelSpec:
    return ModelSpec(
        name=row.name,
        title_zh=f"{row.zh}，{row.resolution}x{row.resolution}",
        title_en=f"{row.en}, {row.resolution}x{row.resolution}",
        files=model_files(WeightFile("unet", (row.file,), ignored_keys=row.ignored_keys), {DEFAULT_CLIP: 1.0}),
        licence=row.licence,
        resolution=row.resolution,
        defaults=MappingProxyType({"size": (512, 448)}) if row.resolution == 256 else MappingProxyType({}),
        clips={DEFAULT_CLIP: 1.0},
    )


def _openai_clip_models() -> tuple[ModelSpec, ...]:
    """PaddleHub's modules with OpenAI's CLIPs, which read English."""
    rows = (
        ("vitb32", "clip-vit-b-32", "ViT-B/32"),
        ("rn50", "clip-rn50", "ResNet-50"),
        ("rn101", "clip-rn101", "ResNet-101"),
    )
    return tuple(
        ModelSpec(
            name=f"disco_diffusion_clip_{suffix}",
            title_zh=f"Disco Diffusion 512x512 与 OpenAI CLIP {title}，读英文，PaddleHub 同名模块所用",
            title_en=f"Disco Diffusion 512x512 with OpenAI's CLIP {title}, reads English, as in PaddleHub's module",
            files=model_files(_original_unet(), {clip: 1.0}),
            licence=f"{RESEARCH}; CLIP MIT",
            resolution=512,
            clips={clip: 1.0},
        )
        for suffix, clip, title in rows
    )


def _embedded() -> Mapping[str, RemoteFile]:
    """The embedded files by name; card.json holds their sizes and SHA-256."""
    card = json.loads((importlib.resources.files("danqing") / "assets" / MINI / "card.json").read_bytes())
    return {name: RemoteFile(name, sha256=file["sha256"], size=file["bytes"]) for name, file in card["files"].items()}


def _mini() -> ModelSpec:
    embedded = _embedded()
    return ModelSpec(
        name=MINI,
        title_zh="内置小模型，由本项目训练，无需下载",
        title_en="small embedded model, trained by this project, no download needed",
        files=exported_files(embedded.__getitem__, 2, text_conditional="unet_vocab.txt" in embedded),
        licence="Apache-2.0",
        prediction="x0",
        resolution=128,
        is_embedded=True,
        upscaler=EMBEDDED if EMBEDDED_FILE in embedded else None,
        clips=exported_clips(MINI, 2),
        defaults=MappingProxyType(
            {
                "size": (512, 512),
                "upscale": 4,
                "sampler": "dpmpp_2m",
                "steps": 16,
                "eta": 1,
                "refine": 0.44,
                "clip_denoised": True,
                "guidance_scale": 3,
                "guide_through": "estimate",
                "cutn_batches": 1,
                "cut_overview": 1,
                "cut_innercut": 2,
                "cut_icgray_p": 0,
                "cut_focus": 1,
                "clip_guidance_scale": "[0]*200+[10000]*600+[0]*200",
                "clamp_max": 0.1,
                "display_rate": 2,
            }
        ),
        qualities=MappingProxyType(
            {
                "draft": {"steps": 9, "display_rate": 2},
                "fine": {"steps": 30, "sketches": "[4]*400+[1]*600", "display_rate": 3},
            }
        ),
    )
