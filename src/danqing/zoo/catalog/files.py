"""Published files used by several models: names, URLs and SHA-256 as stated by their publishers."""

from danqing.zoo.spec import RemoteFile


def original_unet() -> RemoteFile:
    """The U-Net of the original."""
    name = "512x512_diffusion_uncond_finetune_008100.pt"
    return RemoteFile(
        name,
        (
            f"hf:lowlevelware/512x512_diffusion_unconditional_ImageNet/{name}",
            f"https://the-eye.eu/public/AI/models/512x512_diffusion_unconditional_ImageNet/{name}",
        ),
        "9c111ab89e214862b76e1fa6a1b3f1d329b1a88281885943d2cdbe357ad57648",
        approx_size=2_232_000_000,
    )


def secondary() -> RemoteFile:
    """The secondary network of Disco Diffusion."""
    name = "secondary_model_imagenet_2.pth"
    return RemoteFile(
        name,
        (
            f"hf:spaces/huggi/secondary_model_imagenet_2.pth/{name}",
            f"https://the-eye.eu/public/AI/models/v-diffusion/{name}",
            f"https://ipfs.pollinations.ai/ipfs/bafybeibaawhhk7fhyhvmm7x24zwwkeuocuizbqbcg5nqx64jq42j75rdiy/{name}",
        ),
        "983e3de6f95c88c81b2ca7ebb2c217933be1973b1ff058776b970f901584613a",
        approx_size=55_000_000,
    )


def lpips() -> tuple[RemoteFile, RemoteFile]:
    """LPIPS: torchvision's VGG-16, and the heads of the lpips package."""
    return (
        RemoteFile(
            "vgg16-397923af.pth",
            ("https://download.pytorch.org/models/vgg16-397923af.pth",),
            "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
            553_433_881,
        ),
        RemoteFile(
            "vgg.pth",
            ("https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1/vgg.pth",),
            "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
            7289,
        ),
    )


def chinese_vocabulary() -> RemoteFile:
    """Vocabulary of the Chinese BERT tokenizer."""
    return RemoteFile(
        "vocab.txt",
        (
            "hf:OFA-Sys/chinese-clip-vit-base-patch16/vocab.txt",
            "ms:AI-ModelScope/chinese-clip-vit-base-patch16/vocab.txt",
            "https://raw.githubusercontent.com/OFA-Sys/Chinese-CLIP/master/cn_clip/clip/vocab.txt",
        ),
        "45bbac6b341c319adc98a532532882e91a9cefc0329aa57bac9ae761c27b291c",
        109_540,
    )


def openai_vocabulary() -> RemoteFile:
    """Byte-pair vocabulary of OpenAI's CLIP."""
    name = "bpe_simple_vocab_16e6.txt.gz"
    return RemoteFile(
        name,
        (f"https://raw.githubusercontent.com/openai/CLIP/main/clip/{name}",),
        "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a",
        1_356_917,
    )


def chinese_clip(repository: str, name: str, about: int) -> RemoteFile:
    """A Chinese-CLIP file; OFA-Sys publishes no checksums."""
    return RemoteFile(
        name,
        (
            f"https://clip-cn-beijing.oss-cn-beijing.aliyuncs.com/checkpoints/{name}",
            f"hf:OFA-Sys/{repository}/{name}",
            f"ms:AI-ModelScope/{repository}/{name}",
        ),
        approx_size=about,
    )


def openai_clip(name: str, sha256: str, about: int) -> RemoteFile:
    """An OpenAI CLIP file; its checksum is part of its URL."""
    return RemoteFile(
        name, (f"https://openaipublic.azureedge.net/clip/models/{sha256}/{name}",), sha256, approx_size=about
    )
