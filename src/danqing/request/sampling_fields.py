"""Fields of a request: sampling and guidance."""

from pydantic import Field

from danqing.request.field_types import (
    MAX_CLIPS,
    MAX_REFERENCES,
    Clamp,
    Clips,
    Count,
    CutoutCount,
    Flag,
    Fraction,
    Fractions,
    GuidanceScale,
    GuideThrough,
    Power,
    Quality,
    References,
    Sampler,
    Scale,
    Spacing,
    StepInterval,
    Switch,
    Symmetry,
    constant,
    field_help,
)
from danqing.request.picture_fields import PictureFields
from danqing.schedule import parse_schedule


class SamplingFields(PictureFields):
    """Steps, sampler and guidance; see `RequestFields`."""

    quality: Quality = Field(
        default="standard",
        **field_help(
            "步骤",
            "速度与质量的取舍：决定步数和候选稿数的默认值",
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
            "每幅画的候选稿数，由 CLIP 逐步淘汰到一稿；可写日程，如 [8]*300+[2]*300+[1]*400",
            "sketches per picture, of which CLIP keeps the best; a schedule such as [8]*300+[2]*300+[1]*400",
        ),
    )
    sampler: Sampler = Field(default="ddim", **field_help("步骤", "采样器", "sampler"))
    eta: float = Field(
        default=0.8, ge=0, le=10, **field_help("步骤", "DDIM 每步加入的噪声", "noise added in each DDIM step")
    )
    clip_denoised: Flag = Field(
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
    randomize_class: Flag = Field(
        default=True,
        **field_help(
            "步骤", "按类别训练的网络每步随机选一类", "random class in every step, for class-conditional networks"
        ),
    )
    symmetry: Symmetry = Field(
        default="none", **field_help("步骤", "对称：左右、上下或两者", "mirror left-right, top-bottom or both")
    )
    symmetry_at: Fractions = Field(
        default=(0.09,),
        max_length=100,
        **field_help("步骤", "在全程的哪些比例处做对称", "when to mirror, as fractions of the run"),
    )

    guidance_scale: GuidanceScale | None = Field(
        default=None,
        **field_help(
            "引导",
            "无分类器引导的强度：1 为不加引导，越大越符合画题；可写日程；只用于以文本为条件的模型",
            "strength of classifier-free guidance: 1 is no guidance, larger values follow the prompts more closely; may be a "
            "schedule; only for text-conditional models",
        ),
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
    like: References = Field(
        default=(),
        max_length=MAX_REFERENCES,
        **field_help(
            "引导",
            "参考图，画面向它们靠近；每张可带“:权重”，权重可以是日程，与各句画题的权重一起计算",
            "reference pictures that the painting resembles, each with an optional ':weight', a number or a schedule, "
            "which counts together with the weights of the prompts",
        ),
    )
    clip_guidance_scale: Scale = Field(
        default=constant(5000), **field_help("引导", "CLIP 引导的强度", "strength of CLIP guidance")
    )
    tv_scale: Scale = Field(default=constant(0), **field_help("引导", "平滑的权重", "weight of smoothness"))
    range_scale: Scale = Field(
        default=constant(0), **field_help("引导", "颜色不越界的权重", "weight of staying in range")
    )
    sat_scale: Scale = Field(default=constant(0), **field_help("引导", "不过饱和的权重", "weight against saturation"))
    clamp_grad: Flag = Field(
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
            "引导的梯度算到哪里：estimate 只到估计的画（最快），secondary 经小网络，unet 经主网络；未设置时由 use_secondary 决定",
            "what the guidance gradient passes through: only the estimated image (fastest), the small network or the U-Net; "
            "if not set, determined by use_secondary",
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
            "长画幅上切片的范围：0 为整幅，1 只取正中的方块，适合只有一个主体的画面",
            "on a long canvas, where cutouts are taken: 0 the whole canvas, 1 only the middle square (for a single subject)",
        ),
    )
