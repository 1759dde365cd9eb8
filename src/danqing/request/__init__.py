"""The request: all parameters of a painting, with type, range, default, unit and help in Chinese and English.

The command-line options, the JSON schema, the studio's form and the documentation are generated from these fields.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from danqing.errors import InvalidRequest
from danqing.normalize import normalize_characters
from danqing.prompt import Prompt, parse_prompts
from danqing.request.clip_weights import ClipWeight, parse_clip_weight
from danqing.request.fields import (
    MAX_CLIPS,
    MAX_URI,
    SIZE_MULTIPLE,
    Clamp,
    Clips,
    Count,
    CutoutCount,
    Fraction,
    Gigabytes,
    GuideThrough,
    ImageSource,
    PerlinMode,
    Power,
    Prompts,
    Quality,
    Sampler,
    Saved,
    SavedFiles,
    Scale,
    Size,
    Spacing,
    StepInterval,
    Switch,
    Symmetry,
    constant,
    field_help,
    nearest_sizes,
)
from danqing.request.validation import unknown_field_error, validation_error
from danqing.schedule import MAX_TEXT, parse_schedule

__all__ = [
    "SIZE_MULTIPLE",
    "ClipWeight",
    "GuideThrough",
    "Quality",
    "Request",
    "Sampler",
    "Saved",
    "Symmetry",
    "nearest_sizes",
    "read_request",
]

_TEXT_FIELDS = frozenset({"prompts", "style", "artist", "batch_name", "init_image", "clip", "model", "device"})


class Request(BaseModel):
    """Parameters of a painting. Immutable; fields that are not set take the model's defaults, see `with_defaults`."""

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
    fuzzy_prompt: bool = Field(
        default=False,
        **field_help("画题", "每句换成 25 份带噪的副本", "replace every prompt by 25 noisy copies of its embedding"),
    )
    rand_mag: float = Field(
        default=0.05, ge=0, le=10, **field_help("画题", "副本的噪声大小", "standard deviation of that noise")
    )

    size: Size = Field(
        default=(1280, 768), **field_help("画幅", "宽x高，64 的倍数", "width x height, multiples of 64", "px")
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
    perlin_init: bool = Field(default=False, **field_help("底图", "从柏林噪声开始", "start from Perlin noise"))
    perlin_mode: PerlinMode = Field(
        default="mixed", **field_help("底图", "柏林噪声的颜色", "colours of the Perlin noise")
    )

    quality: Quality = Field(
        default="standard",
        **field_help(
            "步骤",
            "速度与质量的取舍：决定步数和草稿数的默认值",
            "speed or quality: selects the defaults of steps and sketches",
        ),
    )
    steps: int = Field(default=250, ge=2, le=1000, **field_help("步骤", "步数", "steps", "step"))
    spacing: Spacing = Field(
        default=constant(1),
        **field_help(
            "步骤",
            "各步的相对步长；可写日程，如 [3]*300+[1]*700：开头的步长是后面的三倍",
            "relative stride of the steps; a schedule such as [3]*300+[1]*700 makes the first strides three times as long",
        ),
    )
    recurrence: Count = Field(
        default=constant(1),
        **field_help(
            "步骤",
            "每步重复的次数，两次之间重新加噪，画面更连贯；可写日程，如 [1]*300+[4]*300+[1]*400",
            "repetitions of each step, with new noise in between, for more coherent pictures; may be a schedule",
        ),
    )
    refine: float = Field(
        default=0,
        ge=0,
        le=0.9,
        **field_help(
            "步骤",
            "画幅远大于模型的训练分辨率时，先画小图，再在原尺寸重画这一比例的步数",
            "on a canvas much larger than the training resolution: paint small first, then repeat this fraction of the steps",
        ),
    )
    sketches: Count = Field(
        default=constant(1),
        **field_help(
            "步骤",
            "每幅画的草稿数，由 CLIP 逐步淘汰到一稿；可写日程，如 [8]*300+[2]*300+[1]*400",
            "sketches per picture, of which CLIP keeps the best; a schedule such as [8]*300+[2]*300+[1]*400",
        ),
    )
    sampler: Sampler = Field(default="ddim", **field_help("步骤", "采样器", "sampler"))
    eta: float = Field(
        default=0.8, ge=0, le=10, **field_help("步骤", "DDIM 每步加入的噪声", "noise added in each DDIM step")
    )
    clip_denoised: bool = Field(
        default=False, **field_help("步骤", "把预测的图像限制在 [-1, 1]", "clamp the predicted image to [-1, 1]")
    )
    jitter: int = Field(
        default=0,
        ge=0,
        le=64,
        **field_help(
            "步骤",
            "每步随机平移图像的最大像素数，避免网格状痕迹",
            "maximum random shift of the image in each step, which avoids grid artefacts",
            "px",
        ),
    )
    randomize_class: bool = Field(
        default=True,
        **field_help(
            "步骤", "按类别训练的网络每步随机选一类", "random class in every step, for class-conditional networks"
        ),
    )
    symmetry: Symmetry = Field(
        default="none", **field_help("步骤", "对称：左右、上下或两者", "mirror left-right, top-bottom or both")
    )
    symmetry_at: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(
        default=(0.09,),
        max_length=100,
        **field_help("步骤", "在全程的哪些比例处做对称", "when to mirror, as fractions of the run"),
    )

    clip: Clips = Field(
        default=(),
        max_length=MAX_CLIPS,
        **field_help(
            "引导",
            "用于引导的 CLIP，可多个，每个可带“:权重”，权重可以是日程；默认用模型自带的",
            "CLIPs for guidance, each with an optional ':weight', a number or a schedule; default: those of the model",
        ),
    )
    clip_guidance_scale: Scale = Field(
        default=constant(5000), **field_help("引导", "画题的权重", "weight of the prompts")
    )
    tv_scale: Scale = Field(default=constant(0), **field_help("引导", "平滑的权重", "weight of smoothness"))
    range_scale: Scale = Field(
        default=constant(0), **field_help("引导", "颜色不越界的权重", "weight of staying in range")
    )
    sat_scale: Scale = Field(default=constant(0), **field_help("引导", "不过饱和的权重", "weight against saturation"))
    clamp_grad: bool = Field(
        default=True, **field_help("引导", "限制引导梯度的大小", "limit the size of the guidance gradient")
    )
    clamp_max: Clamp = Field(
        default=constant(0.05), **field_help("引导", "引导梯度的均方根上限", "largest RMS of the guidance gradient")
    )
    guidance_every: StepInterval = Field(
        default=constant(1),
        **field_help(
            "引导",
            "每几步计算一次引导梯度，其间沿用上一次的，节省时间；可写日程，如 [1]*500+[2]*500",
            "compute the guidance gradient every N steps and reuse it in between, to save time; may be a schedule",
            "step",
        ),
    )
    use_secondary: Switch = Field(
        default=constant(1),
        **field_help(
            "引导", "引导用小网络（快）还是主网络（准）", "compute guidance with the small network (fast) or the U-Net"
        ),
    )
    guide_through: GuideThrough | None = Field(
        default=None,
        **field_help(
            "引导",
            "引导的梯度算到哪里：estimate 只到估计的画（最快），secondary 经小网络，unet 经主网络；不给就听 use_secondary",
            "what the guidance gradient passes through: only the estimated image (fastest), the small network or the U-Net; "
            "if not given, as use_secondary says",
        ),
    )
    cutn_batches: Count = Field(
        default=constant(4), **field_help("引导", "每步的切片批数", "batches of cutouts per step")
    )
    cut_overview: CutoutCount = Field(
        default=parse_schedule("[12]*400+[4]*600"),
        **field_help("引导", "每批中全图切片的数量", "cutouts of the whole picture per batch"),
    )
    cut_innercut: CutoutCount = Field(
        default=parse_schedule("[4]*400+[12]*600"),
        **field_help("引导", "每批中局部切片的数量", "inner cutouts per batch"),
    )
    cut_ic_pow: Power = Field(
        default=constant(1), **field_help("引导", "局部切片大小的指数", "exponent of the size of inner cutouts")
    )
    cut_icgray_p: Fraction = Field(
        default=parse_schedule("[0.2]*400+[0]*600"),
        **field_help("引导", "局部切片中灰度的比例", "fraction of grayscale inner cutouts"),
    )
    cut_focus: Fraction = Field(
        default=constant(0),
        **field_help(
            "引导",
            "长画幅上切片集中在正中的程度：0 为整幅，1 为正中的方块，画面只有一个主体",
            "on a long canvas, focus of the cutouts on the middle: 0 all of it; 1 the middle square, for a single subject",
        ),
    )

    model: str = Field(
        default="auto",
        max_length=200,
        **field_help("机器", "模型；auto 选择已安装的模型", "model; auto selects an installed one"),
    )
    device: str = Field(
        default="auto",
        max_length=20,
        **field_help("机器", "设备：auto、cpu、cuda、mps", "device: auto, cpu, cuda, mps"),
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="float32",
        **field_help(
            "机器",
            "网络的精度；auto 选择这台机器上最快的，只测一次",
            "precision of the networks; auto selects the fastest of this machine, measured once",
        ),
    )
    memory: Gigabytes = Field(
        default=None,
        ge=0.1,
        le=100_000,
        **field_help(
            "机器", "内存或显存的上限；默认为设备的全部", "memory limit; default: all memory of the device", "GB"
        ),
    )

    display_rate: int = Field(
        default=10, ge=1, le=1000, **field_help("保存", "每几步保存一张预览", "steps between previews", "step")
    )
    save: SavedFiles = Field(
        default=("previews", "gif", "sheet"),
        max_length=5,
        **field_help("保存", "除成画外保存的文件", "files to save in addition to the pictures"),
    )

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.skip_steps >= self.steps:
            raise InvalidRequest(
                f"跳过的步数（{self.skip_steps}）必须小于总步数（{self.steps}）。",
                f"The number of skipped steps ({self.skip_steps}) must be smaller than the number of steps ({self.steps}).",
                field="skip_steps",
            )
        self.parsed_prompts()
        return self

    def parsed_prompts(self) -> tuple[Prompt, ...]:
        """Return the parsed prompts, with style and artist appended to the first."""
        return parse_prompts(self.prompts, style=self.style, artist=self.artist)

    def clip_weights(self) -> tuple[ClipWeight, ...]:
        """Return the parsed CLIPs; empty for those of the model."""
        return tuple(parse_clip_weight(clip) for clip in self.clip)

    def with_defaults(self, defaults: Mapping[str, object]) -> "Request":
        """Return a copy in which fields that are not set have the defaults of a model."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return read_request({**defaults, **given})

    def with_changes(self, **changes: object) -> "Request":
        """Return a validated copy with some fields replaced."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return read_request({**given, **changes})

    @property
    def image_count(self) -> int:
        """Number of pictures of the request."""
        return self.n_batches * self.batch_size

    def to_dict(self) -> dict[str, object]:
        """Return the fields that are set, as JSON values."""
        return self.model_dump(mode="json", include=self.model_fields_set)


def read_request(values: Mapping[str, object]) -> Request:
    """Build a request from plain values, as given on a command line, in a file or in JSON.

    Numbers may be texts, with full-width digits.

    Raises:
        InvalidRequest: a value or a name is invalid; the message describes the first problem and how to fix it.
    """
    for name in values:
        if name not in Request.model_fields:
            raise unknown_field_error(name, Request.model_fields)
    try:
        return Request.model_validate({name: _normalize(name, value) for name, value in values.items()})
    except ValidationError as error:
        raise validation_error(error.errors(include_url=False)[0]) from error


def _normalize(name: str, value: object) -> object:
    """Replace full-width digits and signs in the text of a number or a choice."""
    if not isinstance(value, str) or name in _TEXT_FIELDS or value.isascii() or len(value) > MAX_TEXT:
        return value
    return normalize_characters(value)
