"""Fields of a request: prompts, canvas and initial image."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from danqing.request.field_types import (
    MAX_URI,
    ExtensionText,
    Flag,
    GridText,
    ImageSource,
    PerlinMode,
    Prompts,
    Scale,
    Size,
    Upscale,
    constant,
    field_help,
)


class PictureFields(BaseModel):
    """What to paint, on which canvas, and from which picture; see `RequestFields`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=False)

    prompts: Prompts = Field(
        min_length=1,
        max_length=20,
        **field_help(
            "画题",
            "画题，可多句，每句可带“：权重”，权重可以是日程",
            "prompts, each with an optional ':weight', a number or a schedule",
        ),
    )
    style: str | None = Field(default=None, **field_help("画题", "风格，如 水墨画", "style, for instance 水墨画"))
    artist: str | None = Field(default=None, **field_help("画题", "画家，如 齐白石", "artist, for instance 齐白石"))
    fuzzy_prompt: Flag = Field(
        default=False,
        **field_help("画题", "每句换成 25 份带噪的副本", "replace every prompt by 25 noisy copies of its embedding"),
    )
    rand_mag: float = Field(
        default=0.05, ge=0, le=10, **field_help("画题", "副本的噪声大小", "standard deviation of that noise")
    )

    size: Size = Field(
        default=(1280, 768), **field_help("画幅", "宽x高，64 的倍数", "width x height, multiples of 64", "px")
    )
    upscale: Upscale = Field(
        default=1,
        **field_help(
            "画幅",
            "画完后放大的倍数；size 是放大后的画幅，须为 64 × 倍数的倍数",
            "factor by which the painted picture is enlarged; size is the enlarged one, in multiples of 64 times the factor",
        ),
    )
    upscaler: str = Field(
        default="auto",
        max_length=200,
        **field_help(
            "画幅",
            "放大模型；auto 用模型自带的，否则用已安装的",
            "upscaler; auto selects that of the model, else an installed one",
        ),
    )
    seed: int | None = Field(
        default=None,
        ge=0,
        le=2**63 - 1,
        **field_help("画幅", "随机种子；默认随机选取", "random seed; chosen at random if not given"),
    )
    n_batches: int = Field(
        default=1, ge=1, le=1000, **field_help("画幅", "先后画几批", "batches painted one after another")
    )
    batch_size: int = Field(default=1, ge=1, le=64, **field_help("画幅", "一批同时画几幅", "pictures painted at once"))
    grid: GridText = Field(
        default=None,
        **field_help(
            "画幅",
            "对照表：一个或两个参数各取几个值，每种组合画一幅，如 steps=10|20; style=油画|水墨画；种子都相同",
            "grid: one or two fields with several values each, a picture for every combination, for instance "
            "steps=10|20; eta=0|1; all have the same seed",
        ),
    )
    batch_name: str = Field(
        default="", max_length=100, **field_help("画幅", "这次作画的名字", "part of the run's name")
    )

    init_image: ImageSource = Field(
        default=None,
        max_length=MAX_URI,
        **field_help("底图", "底图：文件、网址或 data URI", "initial image: a file, URL or data URI"),
    )
    init_fit: Literal["cover", "stretch"] = Field(
        default="cover",
        **field_help("底图", "底图放到画幅：裁切或拉伸", "fit the initial image by cropping or by stretching"),
    )
    init_scale: Scale = Field(
        default=constant(1000),
        **field_help("底图", "与底图相似的权重", "weight of the similarity to the initial image"),
    )
    skip_steps: int = Field(
        default=0,
        ge=0,
        le=999,
        **field_help("底图", "跳过最初（噪声最大）的几步", "first (noisiest) steps to skip", "step"),
    )
    strength: float | None = Field(
        default=None,
        ge=0,
        le=1,
        **field_help(
            "底图",
            "改动底图的程度：走全部步数中的这一比例；0 不画，只放大和装裱底图；画幅默认为底图的大小",
            "how much of the initial image changes: the fraction of the steps that is taken; 0 paints nothing and only enlarges "
            "and mounts it; the canvas has its size by default",
        ),
    )
    mask: ImageSource = Field(
        default=None,
        max_length=MAX_URI,
        **field_help(
            "底图",
            "遮罩图片：只重画白色或透明的部分，其余与底图完全相同；画幅默认为底图的大小",
            "mask, a picture: only its white or transparent part is repainted, the rest equals the initial image; "
            "the canvas has the size of the initial image by default",
        ),
    )
    mask_invert: Flag = Field(
        default=False, **field_help("底图", "重画遮罩之外的部分", "repaint what the mask leaves out")
    )
    extend: ExtensionText = Field(
        default=None,
        max_length=200,
        **field_help(
            "底图",
            "扩展画布：各边的像素数，如 left:128,top:64；或画布大小和底图的位置，如 1024x768@left",
            "extend the canvas: pixels of each side, for instance left:128,top:64, or the size of the canvas and the place of "
            "the initial image, for instance 1024x768@left",
        ),
    )
    feather: int = Field(
        default=0,
        ge=0,
        le=256,
        **field_help(
            "底图",
            "重画部分边缘的过渡宽度；过渡在遮罩之内，扩展时在底图之内",
            "width of the transition at the edge of the repainted part, inside the mask; with an extension, inside the old picture",
            "px",
        ),
    )
    branch: str | None = Field(
        default=None,
        max_length=500,
        **field_help(
            "底图",
            "从另一次作画的某一步接着画，写成 记录@步；那次作画须用 save=steps 保存",
            "continue another run after one of its steps, RUN@STEP; that run must have been painted with save=steps",
        ),
    )
    perlin_init: Flag = Field(default=False, **field_help("底图", "从柏林噪声开始", "start from Perlin noise"))
    perlin_mode: PerlinMode = Field(
        default="mixed", **field_help("底图", "柏林噪声的颜色", "colours of the Perlin noise")
    )
