"""Plots of a training: the loss curve, and a grid of samples of the averaged U-Net."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor, nn

from danqing.diffusion.noise_schedule import NoiseSchedule, alpha_sigma
from danqing.diffusion.rng import SeededRandom
from danqing.diffusion.sampler_base import SamplerOptions, initial_state
from danqing.diffusion.samplers import ddim
from danqing.train.diffusion_loss import estimate_x0

CURVE = (960, 480)  # of the curve's picture, in pixels
MARGIN = 40


def draw_curve(losses: list[tuple[int, float]], file: Path) -> None:
    """Draw the losses over the steps on a logarithmic axis, with their running mean in red.

    Args:
        losses: step and loss, in the order of the steps.
        file: the PNG to write.
    """
    if len(losses) < 2:
        return
    image = Image.new("RGB", CURVE, "white")
    draw = ImageDraw.Draw(image)
    steps = np.array([step for step, _ in losses], dtype=float)
    values = np.log(np.maximum([loss for _, loss in losses], 1e-8))
    kept = np.exp(-1 / max(1.0, len(values) / 50))
    smooth = np.array(values)
    for at in range(1, len(smooth)):
        smooth[at] = kept * smooth[at - 1] + (1 - kept) * values[at]
    low, high = float(values.min()), float(values.max()) + 1e-6
    across = MARGIN + (CURVE[0] - 2 * MARGIN) * steps / steps[-1]
    for line, colour in ((values, "lightgray"), (smooth, "crimson")):
        down = CURVE[1] - MARGIN - (CURVE[1] - 2 * MARGIN) * (line - low) / (high - low)
        draw.line(list(zip(across.tolist(), down.tolist(), strict=True)), fill=colour, width=2)
    draw.text((4, MARGIN - 6), f"{np.exp(high):.3g}", fill="black")
    draw.text((4, CURVE[1] - MARGIN - 6), f"{np.exp(low):.3g}", fill="black")
    draw.text((CURVE[0] - 2 * MARGIN, CURVE[1] - MARGIN + 8), f"step {steps[-1]:.0f}", fill="black")
    image.save(file)


@torch.no_grad()
def paint_samples(
    network: nn.Module, tokens: Tensor, *, resolution: int, steps: int = 20, scale: float = 4.0
) -> Tensor:
    """Sample a U-Net that predicts x0 with DDIM and classifier-free guidance, always from the same noise.

    Args:
        network: the text-conditional U-Net.
        tokens: prompts, [N, L], on the device of the network.
        resolution: side of the pictures.
        steps: sampling steps.
        scale: guidance scale.
    Returns:
        [N, 3, R, R] in [-1, 1].
    """
    noise, draws = NoiseSchedule.linear(steps), SeededRandom(tuple(range(len(tokens))))

    def model(x: Tensor, tau: Tensor) -> Tensor:
        x, tau = x.to(tokens.device), tau.to(tokens.device)
        unconditional, conditional = (estimate_x0(network, x, tau, prompts) for prompts in (None, tokens))
        x0 = (unconditional + scale * (conditional - unconditional)).clamp(-1, 1)
        alpha, sigma = (part[:, None, None, None] for part in alpha_sigma(tau))
        return ((alpha * x - x0) / sigma).cpu()

    start = initial_state(noise, draws, size=(resolution, resolution))
    *_, last = ddim(model, None, noise, start, rng=draws, options=SamplerOptions(eta=0.0, prediction="v"))
    return last.x0.clamp(-1, 1)


def write_grid(pictures: Tensor, file: Path, *, columns: int = 4, zoom: int = 2) -> None:
    """Write pictures [N, 3, H, W] in [-1, 1] as one PNG, row by row, each enlarged `zoom` times."""
    n, _, height, width = pictures.shape
    pixels = ((pictures + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    sheet = Image.new("RGB", (columns * width, -(-n // columns) * height))
    for number, picture in enumerate(pixels):
        sheet.paste(Image.fromarray(picture), (number % columns * width, number // columns * height))
    sheet.resize((sheet.width * zoom, sheet.height * zoom), Image.Resampling.LANCZOS).save(file)
