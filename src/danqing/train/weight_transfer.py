"""A network begins where a smaller sibling ended: weights fitted to its shape, so that no picture seen is wasted."""

from math import isqrt

import torch
import torch.nn.functional as F
from torch import Tensor

from danqing.diffusion.noise_schedule import MODEL_STEPS, alpha_sigma
from danqing.models.unet import time_embedding
from danqing.train.widen_weights import widened

State = dict[str, Tensor]
FIRST, LAST, CLOCK = "input_blocks.0.0.weight", "out.2", "time_embed"
TICK = f"{CLOCK}.0.weight"
SIGHT, PLACES = "visual.conv1.weight", "visual.positional_embedding"
RIDGE = 1e-3  # keeps the fitted clock's weights of an ordinary size


def grown(state: State, shapes: dict[str, tuple[int, ...]]) -> State:
    """Weights of a network as weights of one with other patches, or of a U-Net with wider coarse levels.

    Args:
        state: the smaller network's tensors.
        shapes: of the tensors that are wanted.
    Returns:
        the tensors, of the wanted shapes where patches or those widths decide them; others as they were.
    """
    made = {name: tensor.float() for name, tensor in state.items()}
    if FIRST in shapes and shapes[FIRST] != tuple(made[FIRST].shape):
        _widen_patches(made, shapes[FIRST][1])
    if SIGHT in shapes and shapes[SIGHT] != tuple(made[SIGHT].shape):
        _refine_sight(made, shapes[SIGHT][-1], shapes[PLACES][0])
    if TICK in shapes and shapes[TICK] == tuple(made[TICK].shape):
        made = widened(made, shapes)
    return made


def _widen_patches(state: State, folded: int) -> None:
    """Let a U-Net paint pictures `factor` times as large, of which it sees the same number of patches.

    It starts as the old network would paint on the picture reduced to the old size, and enlarge. Reducing averages the
    noise away: at every model time the old network sees less noise than it is told, so the clock is set back.

    Args:
        state: changed in place.
        folded: channels times the square of the new patch.
    """
    channels = 3
    old, new = (isqrt(count // channels) for count in (state[FIRST].shape[1], folded))
    factor = new // old
    first = state[FIRST].view(-1, channels, old, old, 3, 3)  # [W, 3, old, old, 3, 3]
    state[FIRST] = _repeated(first, factor, 2, 3).flatten(1, 3) / factor**2
    for part in (f"{LAST}.weight", f"{LAST}.bias"):
        last = state[part].view(channels, old, old, *state[part].shape[1:])
        state[part] = _repeated(last, factor, 1, 2).flatten(0, 2)
    _set_back(state, factor)


def _repeated(tensor: Tensor, factor: int, *dims: int) -> Tensor:
    for dim in dims:
        tensor = tensor.repeat_interleave(factor, dim)
    return tensor


def _set_back(state: State, factor: int) -> None:
    """Fit the clock's last matrix: at each time, what it said at the time with 1/factor of the noise."""
    taus = torch.arange(MODEL_STEPS).float()
    alpha, sigma = alpha_sigma(taus.long())
    ratio = (alpha / sigma).log()  # falls with the time
    earlier = torch.searchsorted(-ratio, -(ratio + torch.tensor(float(factor)).log())).float()
    inner, outer = (state[f"{CLOCK}.{layer}.weight"] for layer in (0, 2))
    before, bias = (state[f"{CLOCK}.{layer}.bias"] for layer in (0, 2))

    def hidden(at: Tensor) -> Tensor:
        h = F.silu(F.linear(time_embedding(at, inner.shape[1]), inner, before))
        return torch.cat([h, torch.ones(len(h), 1)], 1).double()  # [1000, H + 1]

    now, wanted = hidden(taus), hidden(earlier) @ torch.cat([outer, bias[:, None]], 1).T.double()
    square = now.T @ now + RIDGE * torch.eye(now.shape[1], dtype=torch.float64)
    fitted = (square.inverse() @ now.T @ wanted).float()  # [H + 1, E]
    state[f"{CLOCK}.2.weight"], state[f"{CLOCK}.2.bias"] = fitted[:-1].T.contiguous(), fitted[-1].clone()


def _refine_sight(state: State, patch: int, places: int) -> None:
    """Let a vision transformer look at pictures of the same size in smaller patches; changes the state in place."""
    kernel, known = state[SIGHT], state[PLACES]
    factor = kernel.shape[-1] / patch
    state[SIGHT] = F.interpolate(kernel, (patch, patch), mode="area") * factor**2
    old, new = isqrt(len(known) - 1), isqrt(places - 1)
    grid = known[1:].T.reshape(1, -1, old, old)  # [1, W, old, old]
    finer = F.interpolate(grid, (new, new), mode="bicubic").flatten(2)[0].T  # [places - 1, W]
    state[PLACES] = torch.cat([known[:1], finer])
