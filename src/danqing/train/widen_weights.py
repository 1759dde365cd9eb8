"""A U-Net's coarse levels become twice as wide: every channel twice, so that it paints on as it did, with room to learn."""

from typing import cast

import torch
from torch import Tensor

State = dict[str, Tensor]
HEAD = 64  # channels of an attention head; narrower blocks have one of their own width, and are not widened
UNEVEN = 0.15  # standard deviation of what two twins' halves of a weight differ from one half by


def widened(state: State, shapes: dict[str, tuple[int, ...]]) -> State:
    """Weights of a U-Net as weights of one whose deeper levels have twice the channels.

    Every channel of a widened level gets a twin, and what reads both reads about half from each. The shares are drawn
    unevenly, else the twins would learn the same for ever. Only where channels of two levels meet in one normalisation,
    on the way up, its groups are cut differently than before: there the new network is near the old one, not equal.

    Args:
        state: the narrower network's tensors.
        shapes: of the tensors that are wanted.
    Returns:
        all tensors, those of the wanted shapes where only widths decide them; others as they were.
    """
    chance = torch.Generator().manual_seed(0)
    return state | {
        name: _wider(name, state[name], shape, chance) if name in state else _twins(name, shape)
        for name, shape in shapes.items()
        if name in state or _doubles(name, shape)
    }


def _wider(name: str, tensor: Tensor, shape: tuple[int, ...], chance: torch.Generator) -> Tensor:
    reach = tensor.shape[:2]
    narrow = (".qkv." in name or ".proj_out." in name) and shape[0] % (2 * HEAD)
    if (
        narrow
        or shape == tuple(tensor.shape)
        or any(not old <= new <= 2 * old for old, new in zip(reach, shape, strict=False))
    ):
        return tensor
    wide = tensor[_heads(len(tensor), 3 * HEAD) if ".qkv." in name else _places(len(tensor), shape[0])]
    if tensor.ndim < 2 or shape[1] == tensor.shape[1]:
        return wide
    taken = _heads(tensor.shape[1], HEAD) if ".proj_out." in name else _places(tensor.shape[1], shape[1])
    return wide[:, taken] * _shares(wide, taken, chance)


def _places(old: int, new: int) -> Tensor:
    """Which old channel each new one repeats, twins side by side; where only some double, they are the first."""
    doubled = new - old
    return torch.cat([torch.arange(doubled).repeat_interleave(2), torch.arange(doubled, old)])


def _heads(channels: int, head: int) -> Tensor:
    """The same where whole attention heads have twins, `head` channels at a time."""
    return torch.arange(channels).view(-1, head).repeat_interleave(2, 0).flatten()


def _shares(wide: Tensor, taken: Tensor, chance: torch.Generator) -> Tensor:
    """What part of a weight each new input channel gets: one for those without a twin, else about a half, twins one together."""
    off = UNEVEN * torch.randn(wide.shape, generator=chance)[:, taken]  # twins are off by the same, one up and one down
    twin = torch.bincount(taken)[taken] == 2
    seen: set[int] = set()
    signs: list[int] = []
    for channel in cast(list[int], taken.tolist()):  # pyright: ignore[reportUnknownMemberType]
        signs.append(-1 if channel in seen else 1)
        seen.add(channel)
    at = (None, slice(None), *(None,) * (wide.ndim - 2))
    return torch.where(twin, 0.5, 1.0)[at] + (torch.tensor(signs) * twin)[at] * off


def _doubles(name: str, shape: tuple[int, ...]) -> bool:
    """Whether a tensor belongs to a shortcut that doubles its channels."""
    return ".skip_connection." in name and (len(shape) == 1 or shape[0] == 2 * shape[1])


def _twins(name: str, shape: tuple[int, ...]) -> Tensor:
    """A shortcut that was the identity and now has to double its channels."""
    if name.endswith("bias"):
        return torch.zeros(shape)
    return torch.eye(shape[1])[_places(shape[1], shape[0])].view(shape)
