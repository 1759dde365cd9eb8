"""Compact: shapes, configuration from a file, and equality with spandrel's network."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from danqing.errors import ShapeError
from danqing.models.srvgg_compact import Compact, CompactConfig, config_from_state, is_compact
from tests.tiny_upscaler import CONFIG, tiny_compact


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 12), st.integers(0, 4), st.integers(2, 4))
def test_the_configuration_is_read_off_the_shapes(channels: int, convolutions: int, scale: int) -> None:
    config = CompactConfig(channels, convolutions, scale)
    shapes = {name: tuple(tensor.shape) for name, tensor in Compact(config).state_dict().items()}
    assert is_compact(shapes)
    assert config_from_state(shapes) == config


def test_both_sides_grow_and_pixels_beyond_the_radius_do_not_matter() -> None:
    network = tiny_compact()
    image = torch.rand(1, 3, 12, 20, generator=torch.Generator().manual_seed(1))
    large = network(image)
    assert large.shape == (1, 3, 48, 80)
    changed = image.clone()
    changed[..., 10:] = 0
    unaffected = (10 - CONFIG.radius) * CONFIG.scale
    assert torch.equal(network(changed)[..., :unaffected], large[..., :unaffected])
    assert not torch.equal(
        network(changed)[..., unaffected : unaffected + CONFIG.scale],
        large[..., unaffected : unaffected + CONFIG.scale],
    )


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 1, 8, 8), (1, 4, 8, 8)])
def test_other_shapes_are_rejected(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="expected"):
        tiny_compact()(torch.zeros(shape))


def test_gray_networks_are_rejected() -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in Compact(CONFIG).state_dict().items()}
    gray = {**shapes, "body.0.weight": (8, 1, 3, 3)}
    with pytest.raises(ValueError, match="1 input channels"):
        config_from_state(gray)
    assert not is_compact({"conv_first.weight": (64, 3, 3, 3)})
