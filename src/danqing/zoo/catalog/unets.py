"""Published U-Nets, as listed by discoart and the Disco Diffusion notebook."""

from typing import NamedTuple

from danqing.zoo.spec import RemoteFile

RESEARCH = "research only (guided-diffusion's model card)"
UNSTATED = "not stated by its publisher"


class PublishedUNet(NamedTuple):
    """A published U-Net."""

    name: str
    sources: tuple[str, ...]
    sha256: str
    megabytes: int
    resolution: int
    """Side of the square training images in pixels."""
    zh: str
    en: str
    licence: str = UNSTATED
    ignored_keys: tuple[str, ...] = ()
    """Keys of the state dict that the unconditional network does not use."""

    @property
    def file(self) -> RemoteFile:
        """The published file; its name is the last part of the URL."""
        return RemoteFile(
            self.sources[0].rpartition("/")[2], self.sources, self.sha256, approx_size=self.megabytes * 1_000_000
        )


UNETS = (
    PublishedUNet(
        "256x256_diffusion_uncond",
        (
            "https://openaipublic.blob.core.windows.net/diffusion/jul-2021/256x256_diffusion_uncond.pt",
            "https://www.dropbox.com/s/9tqnqo930mpnpcn/256x256_diffusion_uncond.pt?dl=1",
        ),
        "a37c32fffd316cd494cf3f35b339936debdc1576dad13fe57c42399a5dbc78b1",
        2211,
        256,
        "OpenAI 的扩散模型",
        "OpenAI's diffusion",
        RESEARCH,
    ),
    PublishedUNet(
        "IsometricDiffusionRevrart512px",
        ("hf:Revrart/IsometricDiffusionRevrart512px/IsometricDiffusionRevrart512px.pt",),
        "649bb7d10ea5170b71bc24adfb17f0305955fde38d2bb1bc5428c6d5baf9811c",
        2232,
        512,
        "等轴测小景",
        "isometric scenes",
    ),
    PublishedUNet(
        "FeiArt_Handpainted_CG_Diffusion",
        ("hf:Feiart/FeiArt-Handpainted-CG-Diffusion/FeiArt-Handpainted-CG-Diffusion.pt",),
        "85f95f0618f288476ffcec9f48160542ba626f655b3df963543388dcd059f86a",
        2232,
        512,
        "手绘 CG",
        "hand-painted CG",
        ignored_keys=("label_emb.weight",),
    ),
    PublishedUNet(
        "portrait_generator_v1.5",
        ("hf:felipe3dartist/portrait_generator_v1.5/ema_0.9999_165000.pt",),
        "3bc39e28fd9690dafbbee83cc08d089a3640eca8ed4d14280c4a9d342c56fd7f",
        558,
        512,
        "肖像 1.5 版",
        "portraits, version 1.5",
    ),
    PublishedUNet(
        "portrait_generator_v001",
        ("hf:felipe3dartist/portrait_generator_v001/portrait_generator_v001_ema_0.9999_1MM.pt",),
        "b7e8c747af880d4480b6707006f1ace000b058dd0eac5bb13558ba3752d9b5b9",
        558,
        512,
        "肖像",
        "portraits",
    ),
    PublishedUNet(
        "Ukiyo-e_Diffusion_All_V1",
        ("hf:thegenerativegeneration/ukiyoe-diffusion-256/models/ukiyoe-all/v1/ema_0.9999_056000.pt",),
        "5f9af55461783619f25dcbf8953f028c0768108801860afe8c947428dee7a991",
        553,
        256,
        "浮世绘",
        "ukiyo-e",
    ),
    PublishedUNet(
        "256x256_openai_comics_faces_v2.by_alex_spirin_114k",
        (
            "https://github.com/Sxela/DiscoDiffusion-Warp/releases/download/v0.1.1/256x256_openai_comics_faces_v2.by_alex_spirin_114k.pt",
        ),
        "f587fd6d2edb093701931e5083a13ab6b76b3f457b60efd1aa873d60ee3d6388",
        455,
        256,
        "漫画人脸",
        "faces from comics",
    ),
    PublishedUNet(
        "PulpSciFiDiffusion",
        ("hf:KaliYuga/PulpSciFiDiffusion/PulpSciFiDiffusion.pt",),
        "b79e62613b9f50b8a3173e5f61f0320c7dbb16efad42a92ec94d014f6e17337f",
        455,
        256,
        "旧科幻杂志",
        "pulp science fiction",
    ),
    PublishedUNet(
        "pixel_art_diffusion_hard_256",
        ("hf:KaliYuga/pixel_art_diffusion_hard_256/pixel_art_diffusion_hard_256.pt",),
        "be4a9de943ec06eef32c65a1008c60ad017723a4d35dc13169c66bb322234161",
        455,
        256,
        "像素画，硬边",
        "pixel art, hard edges",
    ),
    PublishedUNet(
        "pixel_art_diffusion_soft_256",
        ("hf:KaliYuga/pixel_art_diffusion_soft_256/pixel_art_diffusion_soft_256.pt",),
        "d321590e46b679bf6def1f1914b47c89e762c76f19ab3e3392c8ca07c791039c",
        455,
        256,
        "像素画，软边",
        "pixel art, soft edges",
    ),
    PublishedUNet(
        "pixelartdiffusion4k",
        ("hf:KaliYuga/pixelartdiffusion4k/pixelartdiffusion4k.pt",),
        "a1ba4f13f6dabb72b1064f15d8ae504d98d6192ad343572cc416deda7cccac30",
        455,
        256,
        "像素画 4k",
        "pixel art 4k",
    ),
    PublishedUNet(
        "pixelartdiffusion_expanded",
        ("hf:KaliYuga/PADexpanded/PADexpanded.pt",),
        "a73b40556634034bf43b5a716b531b46fb1ab890634d854f5bcbbef56838739a",
        455,
        256,
        "像素画，扩充版",
        "pixel art, expanded",
    ),
    PublishedUNet(
        "watercolordiffusion",
        ("hf:KaliYuga/watercolordiffusion/watercolordiffusion.pt",),
        "a3e6522f0c8f278f90788298d66383b11ac763dd5e0d62f8252c962c23950bd6",
        455,
        256,
        "水彩",
        "watercolour",
    ),
    PublishedUNet(
        "watercolordiffusion_2",
        ("hf:KaliYuga/watercolordiffusion_2/watercolordiffusion_2.pt",),
        "49c281b6092c61c49b0f1f8da93af9b94be7e0c20c71e662e2aa26fee0e4b1a9",
        455,
        256,
        "水彩，第二版",
        "watercolour, second version",
    ),
)
