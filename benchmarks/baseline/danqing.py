"""The guided step of Danqing, whole and in parts."""

import math
from typing import TypeVar

import torch
from torch import Tensor, nn

from benchmarks.baseline.workload import GRAY, POWER, PROMPTS, SCALES, STEPS, K, State, Workload
from danqing.diffusion import NoiseSchedule, SamplerOptions, SamplerState, SeededRandom, samplers
from danqing.guidance.clip_guide import ClipGuide, ClipLoss
from danqing.guidance.cutouts import CutoutSpec, RandomCutouts
from danqing.guidance.losses import normalise_weights, range_loss, saturation_loss, spherical_distance, tv_loss
from danqing.models.clip import ChineseClip
from danqing.models.secondary import Secondary, SecondaryConfig
from danqing.models.unet import UNet
from danqing.pipeline.model import to_device
from danqing.request import Request, read_request
from danqing.schedule import Schedule

Network = TypeVar("Network", bound=nn.Module)


class Danqing:
    """Danqing, its networks in any precision; see `Program`.

    Args:
        workload: what is painted.
        dtype: of the networks.
        compiled: put the networks through torch.compile, as the program itself does not; the first run of each part waits for it.
    """

    name = "ours"

    def __init__(self, workload: Workload, dtype: torch.dtype, *, compiled: bool = False) -> None:
        self.workload = workload
        with torch.device("meta"):
            unet, secondary, clip = (
                UNet(workload.shapes.unet),
                Secondary(SecondaryConfig()),
                ChineseClip(workload.shapes.clip),
            )
        self.denoiser = _fill(unet, workload.unet, workload, dtype)
        self.small = _fill(secondary, workload.secondary, workload, dtype)
        self.encoder = _fill(clip, workload.clip, workload, dtype)
        if compiled:
            for network in (self.denoiser, self.small, self.encoder.visual):
                network.compile(dynamic=False)
        self.x, self.noise, self.cutout_sampler = (
            workload.noise(),
            NoiseSchedule.linear(STEPS),
            RandomCutouts(SeededRandom((1,))),
        )
        self.image = (self.x / 8 + 0.5).requires_grad_()
        self.pixels = workload.pixels().requires_grad_()
        self.emb = self.pixels.new_empty(0)

    def unet(self) -> Tensor:
        """See `Program`."""
        with torch.no_grad():
            return self.denoiser(self.x, self.x.new_tensor([self.noise.timestep(K)]))

    def secondary(self) -> Tensor:
        """See `Program`."""
        x, moment = self.x.detach().requires_grad_(), self.noise.noise_level(K)
        v = self.small(x, x.new_tensor([math.atan2(moment.sigma, moment.alpha) * 2 / math.pi])).float()
        return torch.autograd.grad((moment.alpha * x - moment.sigma * v).sum(), x)[0]

    def cutouts(self) -> Tensor:
        """See `Program`."""
        resolution, spec = self.encoder.resolution, self._spec()
        (cuts,) = self.cutout_sampler(
            self.image, spec, resolution=resolution, purpose="cuts", index=K, chunk_size=spec.count
        )
        return torch.autograd.grad(cuts.sum(), self.image)[0]

    def clip_forward(self) -> Tensor:
        """See `Program`."""
        self.emb = self.encoder.encode_image(self.pixels)
        return self.emb

    def clip_backward(self) -> Tensor:
        """See `Program`."""
        return torch.autograd.grad(self.emb.sum(), self.pixels)[0]

    def losses(self) -> Tensor:
        """See `Program`."""
        emb = self.emb.detach().float().requires_grad_()
        texts, weights = self.workload.texts(), normalise_weights(emb.new_ones(PROMPTS))
        distance = (spherical_distance(emb[:, None, None], texts) * weights).sum(-1).mean(0)
        torch.autograd.grad(distance.sum() * SCALES["clip"], emb)
        seen, uphill = self.x.detach().requires_grad_(), torch.zeros_like(self.x)
        for name, measure in (("tv", tv_loss), ("range", range_loss), ("sat", saturation_loss)):
            uphill += torch.autograd.grad(measure(seen).sum() * SCALES[name], seen)[0]
        return uphill

    def whole(self) -> Tensor:
        """See `Program`."""
        texts, weights = self.workload.texts(), normalise_weights(self.x.new_ones(PROMPTS))
        mean, std = self.encoder.mean, self.encoder.std
        clip_loss = ClipLoss(self.encoder, texts, weights, mean=mean, std=std, weight=Schedule((1.0,)))
        guide = ClipGuide((clip_loss,), self._request(), self.cutout_sampler, secondary=self.small)
        start, options = SamplerState(K, self.x), SamplerOptions(eta=0.8)
        steps = samplers.ddim(self.denoiser, guide, self.noise, start, rng=SeededRandom((1,)), options=options)
        return next(steps).x

    def _spec(self) -> CutoutSpec:
        return CutoutSpec(self.workload.overview, self.workload.inner, POWER, GRAY)

    def _request(self) -> Request:
        return read_request(
            {
                "prompts": ["山"],
                "clip_guidance_scale": SCALES["clip"],
                "tv_scale": SCALES["tv"],
                "range_scale": SCALES["range"],
                "sat_scale": SCALES["sat"],
                "init_scale": 0,
                "clamp_max": SCALES["clamp"],
                "cutn_batches": self.workload.batches,
                "cut_overview": self.workload.overview,
                "cut_innercut": self.workload.inner,
                "cut_ic_pow": POWER,
                "cut_icgray_p": GRAY,
            }
        )


def _fill(network: Network, state: State, workload: Workload, dtype: torch.dtype) -> Network:
    """Return the network with the weights, frozen and in a precision, as the pipeline loads it."""
    made = {name: tensor.to(dtype) if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    network.load_state_dict(made, assign=True)
    return to_device(network.eval().requires_grad_(False), workload.device)
