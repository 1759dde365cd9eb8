"""Training configurations: one frozen `TrainConfig`, and the presets."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from danqing.models.clip_text import TextConfig
from danqing.models.clip_vision import VisionConfig
from danqing.models.secondary import SecondaryConfig
from danqing.models.srvgg_compact import CompactConfig
from danqing.models.text_encoder import TextEncoderConfig
from danqing.models.unet import UNetConfig
from danqing.pipeline.dtype import Dtype
from danqing.train.scenes.attributes import Subject

HARD_SUBJECTS = (
    Subject.CAT, Subject.RABBIT, Subject.HORSE, Subject.OX, Subject.CRANE, Subject.TEAPOT, Subject.LANTERN,
    Subject.BUTTERFLY,
)  # fmt: skip
"""Subjects whose outline varies most with pose and number; the U-Net needs many pictures of them."""


@dataclass(frozen=True)
class OptimConfig:
    """Optimisation of one network. It ends after `steps` or `seconds`, whichever comes first.

    Attributes:
        batch: pictures per step.
        steps: largest number of optimiser steps.
        rate: peak learning rate; see `trainer.rate_factor`.
        warmup: steps in which the rate rises from zero.
        decay: weight decay of matrices and kernels, per unit of the rate.
        average: share of the old value that the averaged weights keep at each step, after the first ones.
        report: seconds between two reports, each with a checkpoint, a curve, and samples or recall.
        seconds: training time over all resumptions; None for no limit.
        micro_batches: parts that a batch is split into, to save memory.
    """

    batch: int
    steps: int
    rate: float
    warmup: int = 100
    decay: float = 0.01
    average: float = 0.998
    report: float = 120.0
    seconds: float | None = None
    micro_batches: int = 1

    @property
    def micro_batch(self) -> int:
        """Pictures per micro-batch."""
        return max(1, self.batch // self.micro_batches)


@dataclass(frozen=True)
class DegradationConfig:
    """Degradation of the CLIP's training pictures, since guidance shows it crops of rough estimates.

    Attributes:
        clean: share of the pictures that are left as they are.
        crop: smallest side of a crop, as a share of the picture's.
        tilt: largest rotation, in degrees.
        blur: largest standard deviation of the blur, in pixels.
        noise: largest standard deviation of the noise, in units of the range [0, 1].
        gray: share of the degraded pictures that lose their colour.
        jitter: largest change of brightness and contrast, as a share.
        estimated: share of all pictures, degraded ones first, that are replaced by the U-Net's estimate of them under
            noise; only if the run has a U-Net.
        attacked: share of all pictures, degraded ones first, that are changed adversarially.
        attack: size of that change, root mean square, in units of the range [0, 1].
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
    """Configuration of a training, except for pictures and seed.

    Attributes:
        resolution: side of the training pictures, in pixels.
        unet: the U-Net without its text encoder and pixel head; see `unet_config`.
        secondary: the secondary network.
        vision, text: the towers of the CLIP; the U-Net's text encoder has the shape of `text`. Its vocabulary is set
            when the captions are known.
        embed: length of the CLIP's embeddings.
        upscaler: the upscaler.
        unet_optim, secondary_optim, clip_optim, upscaler_optim: optimisation of the network of that name.
        text_optim: optimisation of the U-Net's text encoder before the U-Net; a batch is of captions.
        pixel_head: channels of the U-Net's pixel head.
        degradation: degradation of the CLIP's pictures.
        words: tokens to which a caption is cut.
        related: share of a CLIP batch drawn from pictures that share an attribute, in groups of eight.
        snr: signal-to-noise ratio (alpha² / sigma²) above which the weight of a noise level is constant: the 5 of min-SNR-5.
        floor: smallest weight of a noise level, as a share of the largest.
        high_noise: share of the U-Net's timesteps drawn at high noise, see `diffusion_loss.HIGH_NOISE`.
        attribute_weights: how often the U-Net sees pictures with an attribute, relative to pictures without any of these;
            see `batches.sampling_distribution`.
        dropout: share of the captions that are replaced by the empty prompt, for classifier-free guidance.
        complete: share of the captions that name every attribute.
        crop: side of the upscaler's small crops, in pixels.
        dtype: precision of matrix products and convolutions; weights and gradients are float32.
    """

    resolution: int
    unet: UNetConfig
    secondary: SecondaryConfig
    vision: VisionConfig
    text: TextConfig
    embed: int
    upscaler: CompactConfig
    unet_optim: OptimConfig
    secondary_optim: OptimConfig
    clip_optim: OptimConfig
    upscaler_optim: OptimConfig
    text_optim: OptimConfig = OptimConfig(batch=192, steps=1_000, rate=1e-3, decay=0.01, average=0.99, micro_batches=6)
    pixel_head: int = 32
    degradation: DegradationConfig = DegradationConfig()
    words: int = 52
    related: float = 0.5
    snr: float = 5.0
    floor: float = 0.2
    high_noise: float = 0.0
    attribute_weights: Mapping[str, float] = field(default_factory=dict[str, float])
    dropout: float = 0.1
    complete: float = 0.2
    crop: int = 32
    dtype: Dtype = "float32"

    def unet_config(self, vocabulary: int) -> UNetConfig:
        """Return the configuration of the text-conditional U-Net for a vocabulary of that size."""
        bert = replace(self.text, vocabulary=vocabulary)
        text = TextEncoderConfig(bert, projection=self.embed, embedding=self.unet.embedding)
        return replace(self.unet, text=text, pixel_head=self.pixel_head)

    def paced(self, batch: int | None, rate: float | None, dtype: Dtype | None = None) -> "TrainConfig":
        """Return the configuration with this batch, learning rate and precision for every network, where they are given."""

        def pace(optim: OptimConfig) -> OptimConfig:
            return replace(optim, batch=batch or optim.batch, rate=rate or optim.rate)

        return replace(
            self,
            unet_optim=pace(self.unet_optim),
            secondary_optim=pace(self.secondary_optim),
            clip_optim=pace(self.clip_optim),
            upscaler_optim=pace(self.upscaler_optim),
            dtype=dtype or self.dtype,
        )


CPU = TrainConfig(
    resolution=128,
    unet=UNetConfig(128, (1, 2), (1,), blocks=2, updown=False, patch=8, out_channels=3),
    secondary=SecondaryConfig((32, 48, 64, 96, 96, 96)),
    vision=VisionConfig(resolution=64, patch=8, width=192, layers=6),
    text=TextConfig(vocabulary=0, width=128, layers=2, mlp=512, positions=64),
    embed=192,
    upscaler=CompactConfig(channels=48, convolutions=10),
    unet_optim=OptimConfig(batch=64, steps=4_000, rate=1.1e-3, warmup=60, average=0.99, report=600.0),
    upscaler_optim=OptimConfig(batch=8, steps=4_000, rate=3e-3, warmup=30, decay=0.0, average=0.99, report=300.0),
    secondary_optim=OptimConfig(batch=16, steps=8_000, rate=1.5e-3, average=0.995),
    clip_optim=OptimConfig(batch=64, steps=12_000, rate=2e-3, warmup=60, decay=0.1, average=0.99),
    floor=0.5,
    high_noise=0.5,
    attribute_weights={"subject": 1.5, "building": 1.5, "colour": 2.5, "sky": 2.5, "count": 2.5}
    | {f"subject={subject}": 8.0 for subject in HARD_SUBJECTS},
    complete=0.5,
)

GPU = replace(
    CPU,
    unet=UNetConfig(192, (1, 1.5, 1.5), (1, 2), blocks=2, updown=False, patch=4, out_channels=3),
    secondary=SecondaryConfig((48, 64, 96, 128, 128, 192)),
    vision=VisionConfig(resolution=64, patch=8, width=256, layers=8),
    text=TextConfig(vocabulary=0, width=192, layers=3, mlp=768, positions=64),
    upscaler=CompactConfig(channels=64, convolutions=16),
    upscaler_optim=OptimConfig(batch=128, steps=20_000, rate=2e-3, decay=0.0, average=0.998),
    unet_optim=OptimConfig(batch=512, steps=20_000, rate=1e-3, warmup=500, average=0.9995),
    secondary_optim=OptimConfig(batch=256, steps=10_000, rate=2e-3, warmup=500, average=0.999),
    clip_optim=OptimConfig(batch=512, steps=3_000, rate=2e-3, warmup=200, decay=0.1, average=0.998),
    dtype="bfloat16",
)

SMOKE = TrainConfig(
    resolution=32,
    unet=UNetConfig(32, (1, 1), (1,), blocks=1, updown=False, patch=4, out_channels=3),
    secondary=SecondaryConfig((8, 16, 16)),
    vision=VisionConfig(resolution=32, patch=8, width=64, layers=2),
    text=TextConfig(vocabulary=0, width=64, layers=1, mlp=128, positions=64),
    embed=64,
    upscaler=CompactConfig(channels=8, convolutions=2),
    upscaler_optim=OptimConfig(batch=2, steps=6, rate=1e-3, warmup=2),
    unet_optim=OptimConfig(batch=8, steps=6, rate=1e-3, warmup=2),
    secondary_optim=OptimConfig(batch=8, steps=6, rate=1e-3, warmup=2),
    clip_optim=OptimConfig(batch=16, steps=6, rate=1e-3, warmup=2),
    text_optim=OptimConfig(batch=16, steps=6, rate=1e-3, warmup=2),
    pixel_head=8,
    crop=16,
)

JUDGE = replace(
    CPU,
    resolution=64,
    vision=VisionConfig(resolution=64, patch=8, width=128, layers=5),
    clip_optim=replace(CPU.clip_optim, steps=6_000),
)
"""A CLIP of another shape than those that guide; benchmarks/quality.py judges pictures with it."""

PRESETS = {"cpu-smoke": SMOKE, "cpu": CPU, "gpu": GPU, "judge": JUDGE}
