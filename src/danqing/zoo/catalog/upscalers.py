"""Upscalers: networks that enlarge a finished picture. The embedded one comes last: an installed one is preferred."""

from collections.abc import Mapping
from dataclasses import dataclass

from danqing.zoo.spec import ModelSpec, RemoteFile, WeightFile

EMBEDDED = "danqing_upscaler"
EMBEDDED_FILE = "upscaler.safetensors"
BSD = "BSD-3-Clause (Real-ESRGAN)"

_REAL_ESRGAN = "https://github.com/xinntao/Real-ESRGAN/releases/download"


@dataclass(frozen=True, slots=True)
class PublishedUpscaler:
    """A published upscaler. Those that are not Compact networks need the extra `upscale`."""

    name: str
    zh: str
    en: str
    file: RemoteFile
    licence: str = BSD


UPSCALERS = (
    PublishedUpscaler(
        "realesr-general-x4v3",
        "Real-ESRGAN 通用小模型 v3，4 倍，Compact 网络",
        "Real-ESRGAN general, small, v3, 4x, a Compact network",
        RemoteFile(
            "realesr-general-x4v3.pth",
            (f"{_REAL_ESRGAN}/v0.2.5.0/realesr-general-x4v3.pth",),
            "8dc7edb9ac80ccdc30c3a5dca6616509367f05fbc184ad95b731f05bece96292",
            4_885_111,
        ),
    ),
    PublishedUpscaler(
        "realesr-general-wdn-x4v3",
        "Real-ESRGAN 通用小模型 v3，保留噪点较少，4 倍，Compact 网络",
        "Real-ESRGAN general, small, v3, stronger denoising, 4x, a Compact network",
        RemoteFile(
            "realesr-general-wdn-x4v3.pth",
            (f"{_REAL_ESRGAN}/v0.2.5.0/realesr-general-wdn-x4v3.pth",),
            "1641f8c4464b9f097c9fdda5589273713f67cf59f3d909e0bd688f0cee269dca",
            4_885_111,
        ),
    ),
    PublishedUpscaler(
        "realesr-animevideov3",
        "Real-ESRGAN 动画小模型 v3，4 倍，Compact 网络",
        "Real-ESRGAN for animation, small, v3, 4x, a Compact network",
        RemoteFile(
            "realesr-animevideov3.pth",
            (f"{_REAL_ESRGAN}/v0.2.5.0/realesr-animevideov3.pth",),
            "b8a8376811077954d82ca3fcf476f1ac3da3e8a68a4f4d71363008000a18b75d",
            2_504_012,
        ),
    ),
    PublishedUpscaler(
        "real-esrgan-x4plus",
        "Real-ESRGAN x4plus，4 倍，需要 danqing[upscale]",
        "Real-ESRGAN x4plus, 4x, needs danqing[upscale]",
        RemoteFile(
            "RealESRGAN_x4plus.pth",
            (f"{_REAL_ESRGAN}/v0.1.0/RealESRGAN_x4plus.pth",),
            "4fa0d38905f75ac06eb49a7951b426670021be3018265fd191d2125df9d682f1",
            67_040_989,
        ),
    ),
    PublishedUpscaler(
        "real-esrgan-x4plus-anime-6b",
        "Real-ESRGAN x4plus 插画，6 块，4 倍，需要 danqing[upscale]",
        "Real-ESRGAN x4plus for illustrations, 6 blocks, 4x, needs danqing[upscale]",
        RemoteFile(
            "RealESRGAN_x4plus_anime_6B.pth",
            (f"{_REAL_ESRGAN}/v0.2.2.4/RealESRGAN_x4plus_anime_6B.pth",),
            "f872d837d3c90ed2e05227bed711af5671a6fd1c9f7d7e91c911a61f155e99da",
            17_938_799,
        ),
    ),
    PublishedUpscaler(
        "real-esrgan-x2plus",
        "Real-ESRGAN x2plus，2 倍，需要 danqing[upscale]",
        "Real-ESRGAN x2plus, 2x, needs danqing[upscale]",
        RemoteFile(
            "RealESRGAN_x2plus.pth",
            (f"{_REAL_ESRGAN}/v0.2.1/RealESRGAN_x2plus.pth",),
            "49fafd45f8fd7aa8d31ab2a22d14d91b536c34494a5cfe31eb5d89c2fa266abb",
            67_061_725,
        ),
    ),
    PublishedUpscaler(
        "4x-nomosuni-span-multijpg",
        "NomosUni SPAN，去除 JPEG 痕迹，4 倍，需要 danqing[upscale]",
        "NomosUni SPAN, removes JPEG artefacts, 4x, needs danqing[upscale]",
        RemoteFile(
            "4xNomosUni_span_multijpg.safetensors",
            (
                "hf:Phips/4xNomosUni_span_multijpg/4xNomosUni_span_multijpg.safetensors",
                "https://github.com/Phhofm/models/releases/download/4xNomosUni_span_multijpg/"
                "4xNomosUni_span_multijpg.safetensors",
            ),
            "3bedff643a1ba51b12e0174ebca62649a930ae3e7b0868be9706d8659d4d32a2",
            4_492_232,
        ),
        "CC-BY-4.0 (Philip Hofmann)",
    ),
)
"""Addresses and checksums as published by the authors."""


def upscaler_specs(embedded: Mapping[str, RemoteFile]) -> tuple[ModelSpec, ...]:
    """Return the catalog entries of the upscalers.

    Args:
        embedded: embedded files by name; the embedded upscaler is one of them, or missing.
    """
    published = tuple(
        ModelSpec(
            name=row.name,
            title_zh=row.zh,
            title_en=row.en,
            files=(WeightFile("upscaler", (row.file,)),),
            licence=row.licence,
        )
        for row in UPSCALERS
    )
    if EMBEDDED_FILE not in embedded:
        return published
    own = ModelSpec(
        name=EMBEDDED,
        title_zh="内置放大模型，4 倍，由本项目训练，无需下载",
        title_en="embedded upscaler, 4x, trained by this project, no download needed",
        files=(WeightFile("upscaler", (embedded[EMBEDDED_FILE],)),),
        licence="Apache-2.0",
        is_embedded=True,
    )
    return (*published, own)
