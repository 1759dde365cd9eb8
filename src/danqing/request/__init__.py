"""The request: every knob of a painting once, with its type, range, default, unit and help in Chinese and English.

The command line, the JSON schema, the studio and the documents are all made from these fields.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from danqing.errors import InvalidRequest
from danqing.prompt import Prompt, parse_prompts
from danqing.request.clip_weights import ClipWeight, parse_clip_weight
from danqing.request.fields import (
    MAX_URI,
    SIDE,
    Clamp,
    Clips,
    Count,
    CutoutCount,
    Fraction,
    Gigabytes,
    Power,
    Prompts,
    Quality,
    Sampler,
    Saved,
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
from danqing.schedule import parse_schedule

__all__ = ["SIDE", "ClipWeight", "Quality", "Request", "Sampler", "Saved", "Symmetry", "nearest_sizes", "read_request"]


class Request(BaseModel):
    """One painting as asked for. Frozen; a field that was not given may be filled by the model's own defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=False)

    prompts: Prompts = Field(
        min_length=1,
        max_length=20,
        **field_help(
            "画题",
            "画题，可多句，每句可带“：权重”，权重可以是日程",
            "sentences, each with an optional ':weight', a number or a schedule",
        ),
    )
    style: str | None = Field(default=None, **field_help("画题", "风格，如 水墨画", "style, for instance 水墨画"))
    artist: str | None = Field(default=None, **field_help("画题", "画家，如 齐白石", "artist, for instance 齐白石"))
    fuzzy_prompt: bool = Field(
        default=False, **field_help("画题", "每句另加 25 份带噪的副本", "add 25 noisy copies of every sentence")
    )
    rand_mag: float = Field(default=0.05, ge=0, le=10, **field_help("画题", "副本的噪声大小", "size of that noise"))

    size: Size = Field(
        default=(1280, 768), **field_help("画幅", "宽x高，64 的倍数", "width x height, multiples of 64", "px")
    )
    seed: int | None = Field(
        default=None,
        ge=0,
        le=2**63 - 1,
        **field_help("画幅", "随机种子；不给则随机并告知", "random seed; drawn and reported if not given"),
    )
    n_batches: int = Field(
        default=1, ge=1, le=1000, **field_help("画幅", "先后画几批", "batches painted one after another")
    )
    batch_size: int = Field(default=1, ge=1, le=64, **field_help("画幅", "一批同时画几幅", "pictures painted at once"))
    batch_name: str = Field(
        default="", max_length=100, **field_help("画幅", "这次作画的名字", "part of the run's name")
    )

    init_image: str | None = Field(
        default=None,
        max_length=MAX_URI,
        **field_help("底图", "底图：文件、网址或 data URI", "picture to start from: a file, URL or data URI"),
    )
    init_fit: Literal["cover", "stretch"] = Field(
        default="cover",
        **field_help("底图", "底图放到画幅：裁切或拉伸", "fit the start picture by cropping or by stretching"),
    )
    init_scale: Scale = Field(
        default=constant(1000), **field_help("底图", "与底图相似的权重", "weight of likeness to the start picture")
    )
    skip_steps: int = Field(
        default=0, ge=0, le=999, **field_help("底图", "略过最初几步", "leave out the first (noisiest) steps", "step")
    )
    perlin_init: bool = Field(default=False, **field_help("底图", "从柏林噪声开始", "start from Perlin noise"))
    perlin_mode: Literal["mixed", "color", "gray"] = Field(
        default="mixed", **field_help("底图", "柏林噪声的颜色", "colours of the Perlin noise")
    )

    quality: Quality = Field(
        default="standard",
        **field_help(
            "步骤",
            "画得快还是细：模型按它定下没有给出的步数和草稿数",
            "fast or fine: the steps and sketches that the model takes where nothing else is said",
        ),
    )
    steps: int = Field(default=250, ge=2, le=1000, **field_help("步骤", "步数", "steps", "step"))
    spacing: Spacing = Field(
        default=constant(1),
        **field_help(
            "步骤",
            "各步相隔多远，只看比例；可写日程，如 [3]*300+[1]*700：开头每步跨三倍",
            "how far apart the steps lie, in proportion; a schedule: by [3]*300+[1]*700 the first ones are three times as long",
        ),
    )
    recurrence: Count = Field(
        default=constant(1),
        **field_help(
            "步骤",
            "每步走几遍：走完加回这一步的噪声再走，画面更完整；可写日程，如 [1]*300+[4]*300+[1]*400",
            "how often each step is taken, its noise put back in between, for more coherent pictures; a schedule",
        ),
    )
    refine: float = Field(
        default=0,
        ge=0,
        le=0.9,
        **field_help(
            "步骤",
            "画幅远大于模型学过的时，先画小的，再在原大重画这一比例的步数",
            "on a canvas much larger than the model learnt: paint small first, then take this share of the steps again",
        ),
    )
    sketches: Count = Field(
        default=constant(1),
        **field_help(
            "步骤",
            "一幅画先起几稿，CLIP 看着淘汰，最后留一稿；可写日程，如 [8]*300+[2]*300+[1]*400",
            "sketches a picture begins as; CLIP drops the poorer where the schedule falls, as in [8]*300+[2]*300+[1]*400",
        ),
    )
    sampler: Sampler = Field(default="ddim", **field_help("步骤", "采样器", "sampler"))
    eta: float = Field(
        default=0.8, ge=0, le=10, **field_help("步骤", "DDIM 每步加多少新噪声", "fresh noise in a DDIM step")
    )
    clip_denoised: bool = Field(
        default=False, **field_help("步骤", "把估计的画限制在 [-1, 1]", "clamp the estimate to [-1, 1]")
    )
    jitter: int = Field(
        default=0,
        ge=0,
        le=64,
        **field_help(
            "步骤",
            "每步把画错开最多这么多像素再给网络看，不留方格",
            "shift the picture by up to so many pixels before the network sees it, so that its patches leave no grid",
            "px",
        ),
    )
    randomize_class: bool = Field(
        default=True,
        **field_help("步骤", "分类网络每步随机取一类", "random class at every step, for class-conditional networks"),
    )
    symmetry: Symmetry = Field(
        default="none", **field_help("步骤", "对称：左右、上下或两者", "mirror left-right, top-bottom or both")
    )
    symmetry_at: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(
        default=(0.09,),
        max_length=100,
        **field_help("步骤", "在全程的哪些比例处做对称", "when to mirror, as shares of the run"),
    )

    clip: Clips = Field(
        default=(),
        max_length=8,
        **field_help(
            "引导",
            "由哪些 CLIP 来看，可写几个，每个可带“:权重”，权重可以是日程；不写就用模型自己的",
            "the CLIPs that look, repeatable, each with an optional ':weight', a number or a schedule; else the model's own",
        ),
    )
    clip_guidance_scale: Scale = Field(
        default=constant(5000), **field_help("引导", "画题的权重", "weight of the sentence")
    )
    tv_scale: Scale = Field(default=constant(0), **field_help("引导", "平滑的权重", "weight of smoothness"))
    range_scale: Scale = Field(
        default=constant(0), **field_help("引导", "颜色不越界的权重", "weight of staying in range")
    )
    sat_scale: Scale = Field(default=constant(0), **field_help("引导", "不过饱和的权重", "weight against saturation"))
    clamp_grad: bool = Field(default=True, **field_help("引导", "限制引导的大小", "limit the guidance gradient"))
    clamp_max: Clamp = Field(
        default=constant(0.05), **field_help("引导", "引导梯度的均方根上限", "largest RMS of the guidance gradient")
    )
    guidance_every: StepInterval = Field(
        default=constant(1),
        **field_help(
            "引导",
            "每几步看一次画，其间沿用上次的引导，省时间；可写日程，如 [1]*500+[2]*500",
            "look at the picture in every so many steps and take the last gradient again between, to save time; a schedule",
            "step",
        ),
    )
    use_secondary: Switch = Field(
        default=constant(1),
        **field_help(
            "引导", "引导用小网络（快）还是主网络（准）", "guide through the small network (fast) or the U-Net"
        ),
    )
    cutn_batches: Count = Field(
        default=constant(4), **field_help("引导", "每步看几批切片", "batches of cuts in a step")
    )
    cut_overview: CutoutCount = Field(
        default=parse_schedule("[12]*400+[4]*600"),
        **field_help("引导", "每批看全图的切片数", "whole-picture cuts in a batch"),
    )
    cut_innercut: CutoutCount = Field(
        default=parse_schedule("[4]*400+[12]*600"), **field_help("引导", "每批看局部的切片数", "inner cuts in a batch")
    )
    cut_ic_pow: Power = Field(
        default=constant(1), **field_help("引导", "局部切片大小的指数", "exponent of the inner cuts' size")
    )
    cut_icgray_p: Fraction = Field(
        default=parse_schedule("[0.2]*400+[0]*600"),
        **field_help("引导", "局部切片中灰度的比例", "share of gray inner cuts"),
    )
    cut_focus: Fraction = Field(
        default=constant(0),
        **field_help(
            "引导",
            "长画幅上切片多靠正中：0 看整幅，1 只看正中的方块，画成一个主题，两边随它铺开",
            "on a long canvas, how near its middle cuts keep: 0 all of it; 1 its middle square, for one subject, not several",
        ),
    )

    model: str = Field(
        default="auto",
        max_length=200,
        **field_help("机器", "模型；auto 取已装的", "model; auto takes the one installed"),
    )
    device: str = Field(
        default="auto",
        max_length=20,
        **field_help("机器", "设备：auto、cpu、cuda、mps", "device: auto, cpu, cuda, mps"),
    )
    dtype: Literal["float32", "bfloat16", "float16"] = Field(
        default="float32", **field_help("机器", "网络的精度", "precision of the networks")
    )
    memory: Gigabytes = Field(
        default=None,
        ge=0.1,
        le=100_000,
        **field_help(
            "机器", "最多用多少内存或显存；不给就看设备有多少", "memory to use at most, else what there is", "GB"
        ),
    )

    display_rate: int = Field(
        default=10, ge=1, le=1000, **field_help("保存", "每几步一张预览", "a preview every so many steps", "step")
    )
    save: tuple[Saved, ...] = Field(
        default=("previews", "gif", "sheet"),
        **field_help("保存", "除成画外还存什么", "what to keep beside the pictures"),
    )

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.skip_steps >= self.steps:
            raise InvalidRequest(
                f"skip_steps（{self.skip_steps}）要小于 steps（{self.steps}）。",
                f"skip_steps ({self.skip_steps}) must be smaller than steps ({self.steps}).",
                field="skip_steps",
            )
        self.parsed_prompts()
        return self

    def parsed_prompts(self) -> tuple[Prompt, ...]:
        """The sentences with their weights, style and artist added to the first."""
        return parse_prompts(self.prompts, style=self.style, artist=self.artist)

    def clip_weights(self) -> tuple[ClipWeight, ...]:
        """The CLIPs that were asked for and how much their words count; none stands for the model's own."""
        return tuple(parse_clip_weight(clip) for clip in self.clip)

    def with_defaults(self, defaults: Mapping[str, object]) -> "Request":
        """This request with a model's own defaults, as its spec states them, in the fields that were not given."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return read_request({**defaults, **given})

    def with_changes(self, **changes: object) -> "Request":
        """A copy with some fields replaced and everything checked again."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return read_request({**given, **changes})

    @property
    def image_count(self) -> int:
        """How many pictures the request asks for."""
        return self.n_batches * self.batch_size

    def to_dict(self) -> dict[str, object]:
        """The fields as plain JSON values, only those that differ from the defaults of this class or were given."""
        return self.model_dump(mode="json", include=self.model_fields_set)


def read_request(values: Mapping[str, object]) -> Request:
    """A request of plain values, field names with what a file, a command line or JSON says of them.

    Raises:
        InvalidRequest: the first thing that is wrong, and what would be right; an unknown name comes with the nearest one.
    """
    for name in values:
        if name not in Request.model_fields:
            raise unknown_field_error(name, Request.model_fields)
    try:
        return Request.model_validate(dict(values))
    except ValidationError as error:
        raise validation_error(error.errors(include_url=False)[0]) from error
