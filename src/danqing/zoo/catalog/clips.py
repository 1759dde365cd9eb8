"""Published CLIPs: Chinese-CLIP by OFA-Sys, and OpenAI's CLIP, which reads English."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from danqing.zoo.catalog import files
from danqing.zoo.spec import ModelSpec, RemoteFile, WeightFile


@dataclass(frozen=True, slots=True)
class PublishedClip:
    """Weights and vocabulary of a published CLIP."""

    title: str
    clip: WeightFile
    vocabulary: RemoteFile
    licence: str

    def files_for(self, clip_index: int) -> tuple[WeightFile, WeightFile]:
        """Return its files as the n-th CLIP of a model."""
        vocab = WeightFile("vocab", (self.vocabulary,), clip_index=clip_index)
        return replace(self.clip, clip_index=clip_index), vocab


def get_clip(name: str) -> PublishedClip:
    """Return a CLIP by name.

    Raises:
        KeyError: the name is unknown.
    """
    return _clips()[name]


def clip_specs() -> tuple[ModelSpec, ...]:
    """Return the catalog entries of the CLIPs, for installation without a U-Net."""
    return tuple(
        ModelSpec(
            name=name,
            title_zh=f"{clip.title}，仅编码器",
            title_en=f"{clip.title}, encoder only",
            files=clip.files_for(1),
            licence=clip.licence,
            clips={name: 1.0},
        )
        for name, clip in _clips().items()
    )


def _clips() -> Mapping[str, PublishedClip]:
    base, large, huge = "vit-base-patch16", "vit-large-patch14", "vit-huge-patch14"
    openai = {
        "clip-vit-b-32": ("ViT-B/32", "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af", 354),
        "clip-vit-b-16": ("ViT-B/16", "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f", 351),
        "clip-vit-l-14": ("ViT-L/14", "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836", 933),
        "clip-rn50": ("RN50", "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762", 256),
        "clip-rn101": ("RN101", "8fa8567bab74a42d41c5915025a8e4538c3bdbe8804a470a72f30b0d94fab599", 292),
    }
    return {
        "chinese-clip-vit-b-16": _chinese_clip("ViT-B/16", base, "clip_cn_vit-b-16.pt", 753, "ViTB16.pdparams"),
        "chinese-clip-vit-l-14": _chinese_clip("ViT-L/14", large, "clip_cn_vit-l-14.pt", 1624),
        "chinese-clip-vit-l-14-336": _chinese_clip("ViT-L/14@336px", f"{large}-336px", "clip_cn_vit-l-14-336.pt", 1628),
        "chinese-clip-vit-h-14": _chinese_clip("ViT-H/14", huge, "clip_cn_vit-h-14.pt", 3832),
        "chinese-clip-rn50": _chinese_clip("RN50", "rn50", "clip_cn_rn50.pt", 308),
    } | {name: _openai_clip(*row) for name, row in openai.items()}


def _chinese_clip(model: str, repository: str, name: str, megabytes: int, *also: str) -> PublishedClip:
    repository = f"chinese-clip-{repository}"
    return PublishedClip(
        title=f"Chinese-CLIP {model}",
        clip=WeightFile(
            "clip", (files.chinese_clip(repository, name, megabytes * 1_000_000),), alternatives=(repository, *also)
        ),
        vocabulary=files.chinese_vocabulary(),
        licence="MIT (Chinese-CLIP)",
    )


def _openai_clip(model: str, sha256: str, megabytes: int) -> PublishedClip:
    name = model.replace("/", "-") + ".pt"
    return PublishedClip(
        title=f"OpenAI CLIP {model}",
        clip=WeightFile("clip", (files.openai_clip(name, sha256, megabytes * 1_000_000),)),
        vocabulary=files.openai_vocabulary(),
        licence="MIT (OpenAI CLIP)",
    )
