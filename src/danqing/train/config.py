"""What is trained and for how long: one frozen `TrainConfig`, and the presets."""

from dataclasses import dataclass, replace

from danqing.models.clip_text import TextConfig
from danqing.models.clip_vision import VisionConfig
from danqing.models.secondary import SecondaryConfig
from danqing.models.unet import UNetConfig


@dataclass(frozen=True)
class OptimConfig:
    """How one network is trained. It ends at `steps` or after `seconds`, whichever comes first.

    batch: pictures a step.
    steps: optimiser steps at most.
    rate: learning rate after the warm-up; it falls along half a cosine to a fiftieth at the end.
    warmup: steps in which the rate rises from zero.
    decay: AdamW's weight decay, a share of the weight per unit of rate; matrices and kernels only.
    average: share of the old value that the averaged weights keep at each step, in the long run.
    report: seconds between two reports: checkpoint, curve, samples or recall.
    seconds: training time in all, over every resumption; None for no limit.
    """

    batch: int
    steps: int
    rate: float
    warmup: int = 100
    decay: float = 0.01
    average: float = 0.998
    report: float = 120.0
    seconds: float | None = None


@dataclass(frozen=True)
class DegradationConfig:
    """What the encoder's training pictures suffer, since guidance shows it crops of rough estimates.

    clean: share of the pictures that are left as they are.
    crop: smallest side of a crop, as a share of the picture's.
    tilt: largest rotation, in degrees.
    blur: largest standard deviation of the blur, in pixels.
    noise: largest standard deviation of the noise, in units of the range [0, 1].
    gray: share of the blemished pictures that lose their colour.
    jitter: largest change of brightness and contrast, as a share.
    estimated: share of all pictures, blemished ones first, that are seen as the U-Net guesses them under noise; only
        where the run, or what it starts from, has a U-Net.
    attacked: share of all pictures, blemished ones first, that are changed last of all so that the CLIP errs.
    attack: largest change that does so, root mean square, in units of the range [0, 1].
    """

    clean: float = 0.5
    crop: float = 0.5
    tilt: float = 10.0
    blur: float = 2.0
    noise: float = 0.2
    gray: float = 0.1
    jitter: float = 0.15
    estimated: float = 0.5
    attacked: float = 0.75
    attack: float = 0.05


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a training, the pictures and the seed apart.

    resolution: side of the training pictures, in pixels.
    unet, secondary, vision, text: shapes of the networks; the vocabulary of `text` is set when the captions are known.
    embed: length of the CLIP's embeddings.
    words: tokens that a caption is cut to.
    denoiser, helper, encoder: how the U-Net, the secondary network and the CLIP are trained.
    blemishes: what the encoder's pictures suffer.
    kin: share of an encoder batch that is drawn from pictures sharing one attribute, in groups of eight.
    snr: signal-to-noise ratio (alpha² / sigma²) above which a noise level counts no more: the "5" of min-SNR-5.
    floor: what every noise level counts at least, as a share of what the most important one does.
    """

    resolution: int
    unet: UNetConfig
    secondary: SecondaryConfig
    vision: VisionConfig
    text: TextConfig
    embed: int
    denoiser: OptimConfig
    helper: OptimConfig
    encoder: OptimConfig
    blemishes: DegradationConfig = DegradationConfig()
    words: int = 52
    kin: float = 0.5
    snr: float = 5.0
    floor: float = 0.2

    def paced(self, batch: int | None, rate: float | None) -> "TrainConfig":
        """The same for all three networks with so many pictures a step and that learning rate, where they are given."""

        def pace(course: OptimConfig) -> OptimConfig:
            return replace(course, batch=batch or course.batch, rate=rate or course.rate)

        return replace(self, denoiser=pace(self.denoiser), helper=pace(self.helper), encoder=pace(self.encoder))


CPU = TrainConfig(
    resolution=128,
    unet=UNetConfig(128, (1, 2), (1,), blocks=2, updown=False, patch=8, out_channels=3),
    secondary=SecondaryConfig((32, 48, 64, 96, 96, 96)),
    vision=VisionConfig(resolution=64, patch=8, width=192, layers=6),
    text=TextConfig(vocabulary=0, width=128, layers=2, mlp=512, positions=64),
    embed=192,
    denoiser=OptimConfig(batch=32, steps=20_000, rate=1.5e-3, average=0.995, report=600.0),
    helper=OptimConfig(batch=16, steps=8_000, rate=1.5e-3, average=0.995),
    encoder=OptimConfig(batch=64, steps=12_000, rate=2e-3, warmup=60, decay=0.1, average=0.99),
    floor=0.3,
)

GPU = replace(
    CPU,
    unet=UNetConfig(192, (1, 1.5, 1.5), (1, 2), blocks=2, updown=False, patch=4, out_channels=3),
    secondary=SecondaryConfig((48, 64, 96, 128, 128, 192)),
    vision=VisionConfig(resolution=64, patch=8, width=256, layers=8),
    text=TextConfig(vocabulary=0, width=192, layers=3, mlp=768, positions=64),
    denoiser=OptimConfig(batch=512, steps=20_000, rate=1e-3, warmup=500, average=0.9995),
    helper=OptimConfig(batch=256, steps=10_000, rate=2e-3, warmup=500, average=0.999),
    encoder=OptimConfig(batch=512, steps=3_000, rate=2e-3, warmup=200, decay=0.1, average=0.998),
)

SMOKE = TrainConfig(
    resolution=32,
    unet=UNetConfig(32, (1, 1), (1,), blocks=1, updown=False, patch=4, out_channels=3),
    secondary=SecondaryConfig((8, 16, 16)),
    vision=VisionConfig(resolution=32, patch=8, width=64, layers=2),
    text=TextConfig(vocabulary=0, width=64, layers=1, mlp=128, positions=64),
    embed=64,
    denoiser=OptimConfig(batch=8, steps=6, rate=1e-3, warmup=2),
    helper=OptimConfig(batch=8, steps=6, rate=1e-3, warmup=2),
    encoder=OptimConfig(batch=16, steps=6, rate=1e-3, warmup=2),
)

JUDGE = replace(
    CPU,
    resolution=64,
    vision=VisionConfig(resolution=64, patch=8, width=128, layers=5),
    encoder=replace(CPU.encoder, steps=6_000),
)
"""Of another shape than any CLIP that guides: it judges finished pictures (benchmarks/quality.py)."""

PRESETS = {"cpu-smoke": SMOKE, "cpu": CPU, "gpu": GPU, "judge": JUDGE}
