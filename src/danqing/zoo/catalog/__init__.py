"""Catalog of known models. Models added by the user are in `custom_models`."""

import importlib.resources
import json
from collections.abc import Callable, Mapping
from types import MappingProxyType

from danqing.zoo.catalog import files
from danqing.zoo.catalog.clips import clip_specs, get_clip
from danqing.zoo.catalog.unets import RESEARCH, UNETS, PublishedUNet
from danqing.zoo.spec import ModelSpec, RemoteFile, WeightFile

MINI = "danqing_mini"
ORIGINAL = "disco_diffusion_cnclip_vitb16"
DEFAULT_CLIP = "chinese-clip-vit-b-16"
"""The CLIP of the original model, and the default of every other model."""


def models() -> Mapping[str, ModelSpec]:
    """Return the models with a U-Net by name, in order of preference."""
    return MappingProxyType({spec.name: spec for spec in _models()})


def catalog() -> Mapping[str, ModelSpec]:
    """Return all entries by name: models and single CLIPs."""
    return MappingProxyType({spec.name: spec for spec in (*_models(), *clip_specs())})


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


def exported_files(remote_file: Callable[[str], RemoteFile], clip_count: int) -> tuple[WeightFile, ...]:
    """Return the files of a model exported by `danqing train`.

    Args:
        remote_file: creates the entry of a file from its name.
        clip_count: number of CLIPs, 1 or 2.
    """
    clips = ((1, "clip.safetensors", "vocab.txt"), (2, "clip2.safetensors", "vocab2.txt"))[:clip_count]
    return (
        WeightFile("unet", (remote_file("unet.safetensors"),)),
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


def _mini() -> ModelSpec:
    """The embedded model; card.json holds sizes and SHA-256 of its files."""
    card = json.loads((importlib.resources.files("danqing") / "assets" / MINI / "card.json").read_bytes())

    def embedded(name: str) -> RemoteFile:
        return RemoteFile(name, sha256=card["files"][name]["sha256"], size=card["files"][name]["bytes"])

    return ModelSpec(
        name=MINI,
        title_zh="内置小模型，由本项目训练，无需下载",
        title_en="small embedded model, trained by this project, no download needed",
        files=exported_files(embedded, 2),
        licence="Apache-2.0",
        prediction="x0",
        resolution=128,
        is_embedded=True,
        clips=exported_clips(MINI, 2),
        defaults=MappingProxyType(
            {
                "size": (128, 128),
                "steps": 45,
                "spacing": "[3]*300+[2.4]*400+[1.67]*300",
                "sketches": "[12]*300+[2]*150+[1]*550",
                "recurrence": "[1]*300+[5]*350+[1]*350",
                "eta": 1,
                "refine": 0.44,
                "use_secondary": 0,
                "cutn_batches": 1,
                "cut_overview": 2,
                "cut_innercut": 1,
                "cut_icgray_p": 0,
                "cut_focus": 1,
                "clip_guidance_scale": "[0]*300+[10000]*700",
                "clamp_max": 0.2,
                "jitter": 7,
                "display_rate": 3,
            }
        ),
        qualities=MappingProxyType(
            {
                "draft": {
                    "steps": 40,
                    "spacing": 1,
                    "sketches": 1,
                    "recurrence": 1,
                    "clip_guidance_scale": 10000,
                    "display_rate": 2,
                },
                "fine": {"steps": 80, "sketches": "[18]*300+[3]*150+[1]*550", "display_rate": 5},
            }
        ),
    )
