"""What is said where a file and a network do not share their tensors."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor

from danqing.errors import WeightsError
from danqing.models.state_dict_check import StateDictMismatch, check_unet, find_mismatches
from danqing.models.unet import UNet, UNetConfig

CONFIG = UNetConfig(channels=32, multipliers=(1, 2), attention=(1,), blocks=1)


@pytest.fixture
def state() -> dict[str, Tensor]:
    return dict(UNet(CONFIG).state_dict())


def written(folder: Path, state: dict[str, Tensor]) -> Path:
    save_file(state, folder / "mine.safetensors")
    return folder / "mine.safetensors"


def test_a_network_that_fits_is_described(tmp_path: Path, state: dict[str, Tensor]) -> None:
    assert check_unet(written(tmp_path, state)) == CONFIG
    assert check_unet(written(tmp_path, state), heads=2).heads == 2


def test_missing_spare_and_misshaped_tensors_are_named_with_both_shapes(
    tmp_path: Path, state: dict[str, Tensor]
) -> None:
    del state["out.0.bias"]
    state |= {"extra": torch.zeros(1, 3), "out.2.bias": torch.zeros(7)}
    with pytest.raises(WeightsError) as caught:
        check_unet(written(tmp_path, state))
    for part in (
        "mine.safetensors",
        "3 differences",
        "out.0.bias is missing, expected [32]",
        "extra is unexpected [1, 3]",
        "out.2.bias expected [6], found [7]",
        "channels=32",
    ):
        assert part in caught.value.en
    for part in ("共 3 处", "out.0.bias 缺少，应为 [32]", "extra 多余 [1, 3]", "out.2.bias 应为 [6]，实为 [7]"):
        assert part in caught.value.zh


def test_many_differences_are_counted_and_the_first_ones_shown(tmp_path: Path, state: dict[str, Tensor]) -> None:
    state |= {f"ema.{number}": torch.zeros(1) for number in range(40)}
    with pytest.raises(WeightsError, match="40 differences") as caught:
        check_unet(written(tmp_path, state))
    assert caught.value.en.count("ema.") == 12
    assert "…" in caught.value.en


def test_more_channels_than_a_picture_has_do_not_pass(tmp_path: Path, state: dict[str, Tensor]) -> None:
    state["input_blocks.0.0.weight"] = torch.zeros(32, 6, 3, 3)
    with pytest.raises(
        WeightsError, match=r"input_blocks\.0\.0\.weight expected \[32, 3, 3, 3\], found \[32, 6, 3, 3\]"
    ):
        check_unet(written(tmp_path, state))


def test_another_network_and_damaged_files_are_refused(tmp_path: Path, state: dict[str, Tensor]) -> None:
    del state["time_embed.0.weight"]
    with pytest.raises(WeightsError, match=r"time_embed\.0\.weight' is missing"):
        check_unet(written(tmp_path, state))
    with pytest.raises(WeightsError, match=r"absent\.safetensors"):
        check_unet(tmp_path / "absent.safetensors")


def test_heads_that_do_not_divide_the_width_are_explained(tmp_path: Path, state: dict[str, Tensor]) -> None:
    with pytest.raises(WeightsError, match="5 attention heads do not divide 64 channels"):
        check_unet(written(tmp_path, state), heads=5)


def test_misfits_follow_the_networks_order() -> None:
    network = torch.nn.Linear(2, 3)
    found = find_mismatches(network, {"more": (1,), "bias": (3,), "weight": (2, 3)})
    assert found == (StateDictMismatch("weight", (3, 2), (2, 3)), StateDictMismatch("more", None, (1,)))
