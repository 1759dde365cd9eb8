"""The table of known models. Names, addresses and SHA-256 are facts as their publishers state them."""

from collections.abc import Mapping
from types import MappingProxyType

from danqing.zoo.spec import ModelSpec, WeightFile

MINI = "danqing_mini"
ORIGINAL = "disco_diffusion_cnclip_vitb16"


def models() -> Mapping[str, ModelSpec]:
    """All known models by name, the preferred first."""
    return MappingProxyType({spec.name: spec for spec in (_original(), _mini())})


def _original() -> ModelSpec:
    return ModelSpec(
        name=ORIGINAL,
        title_zh="Disco Diffusion 512x512 与 Chinese-CLIP ViT-B/16，PaddleHub 同名模块所用",
        title_en="Disco Diffusion 512x512 with Chinese-CLIP ViT-B/16, as in the PaddleHub module of that name",
        files=(
            WeightFile(
                "unet",
                "512x512_diffusion_uncond_finetune_008100.pt",
                "9c111ab89e214862b76e1fa6a1b3f1d329b1a88281885943d2cdbe357ad57648",
            ),
            WeightFile(
                "secondary",
                "secondary_model_imagenet_2.pth",
                "983e3de6f95c88c81b2ca7ebb2c217933be1973b1ff058776b970f901584613a",
            ),
            WeightFile("clip", "clip_cn_vit-b-16.pt|chinese-clip-vit-base-patch16"),
            WeightFile("vocab", "vocab.txt", "45bbac6b341c319adc98a532532882e91a9cefc0329aa57bac9ae761c27b291c"),
            WeightFile(
                "lpips", "lpips", optional=True
            ),  # a folder: vgg16-397923af.pth of torchvision and vgg.pth of lpips
        ),
        size_bytes=2_900_000_000,
        licence="research only (guided-diffusion's model card); code MIT and Apache-2.0",
    )


def _mini() -> ModelSpec:
    return ModelSpec(
        name=MINI,
        title_zh="随包附带的小模型，自己训练，不用下载",
        title_en="the small model that comes with the package, trained by the project itself",
        files=(
            WeightFile("unet", "unet.safetensors"),
            WeightFile("secondary", "secondary.safetensors"),
            WeightFile("clip", "clip.safetensors"),
            WeightFile("vocab", "vocab.txt"),
        ),
        size_bytes=30_000_000,
        licence="Apache-2.0",
        prediction="v",
        embedded=True,
        defaults=MappingProxyType(
            {
                "size": (64, 64),
                "steps": 50,
                "use_secondary": 0,
                "cutn_batches": 1,
                "cut_overview": 8,
                "cut_innercut": 8,
                "clip_guidance_scale": 3000,
                "display_rate": 2,
            }
        ),
    )
