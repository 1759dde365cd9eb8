"""Text encoder and pixel head of a text-conditional U-Net."""

from dataclasses import replace

import pytest
import torch

from danqing.errors import ShapeError
from danqing.models import text_encoder
from danqing.models.clip_text import TextConfig
from danqing.models.pixel_head import PixelHead
from danqing.models.text_encoder import TextEncoder, TextEncoderConfig
from danqing.models.unet import UNet, UNetConfig, config_from_state
from tests.tiny_model import randomise

TEXT = TextEncoderConfig(
    TextConfig(vocabulary=9, width=64, layers=2, mlp=32, positions=12), projection=24, embedding=128
)
CONFIG = UNetConfig(
    channels=32, multipliers=(1, 2), attention=(1,), blocks=1, patch=4, out_channels=3, text=TEXT, pixel_head=8
)
TOKENS = torch.tensor([[2, 5, 6, 3, 0, 0], [2, 3, 0, 0, 0, 0]])  # a prompt of two characters, and an empty one


def test_an_empty_prompt_gives_zeros_and_another_one_does_not() -> None:
    prompt, empty = randomise(TextEncoder(TEXT), 1)(TOKENS)
    assert prompt.abs().mean() > 0.1
    assert not empty.any()


def test_padding_does_not_change_the_embedding_and_the_order_of_words_does() -> None:
    encoder = randomise(TextEncoder(TEXT), 1)
    torch.testing.assert_close(encoder(TOKENS), encoder(TOKENS[:, :4]))
    swapped = torch.tensor([[2, 6, 5, 3]])
    assert (encoder(swapped) - encoder(TOKENS)[:1]).abs().max() > 1e-3


def test_a_prompt_may_not_be_longer_than_the_positions() -> None:
    with pytest.raises(ShapeError, match="L <= 12"):
        TextEncoder(TEXT)(torch.ones(1, 13, dtype=torch.int64))


def test_training_starts_from_the_unconditional_network() -> None:
    x, timestep = torch.randn(2, 3, 16, 16), torch.tensor([10.0, 900.0])
    unet = UNet(CONFIG)
    assert unet.text_encoder is not None
    assert not unet.text_encoder(TOKENS).any()
    output, emb = torch.randn(2, 3, 16, 16), torch.randn(2, 128)
    assert torch.equal(PixelHead(128, 8)(output, x, emb), output)
    randomise(unet, 2)
    plain = UNet(replace(CONFIG, text=None, pixel_head=None))
    plain.load_state_dict({name: tensor for name, tensor in unet.state_dict().items() if name in plain.state_dict()})
    torch.nn.init.zeros_(unet.get_parameter("pixel_head.out_layer.weight"))
    torch.nn.init.zeros_(unet.get_parameter("pixel_head.out_layer.bias"))
    torch.testing.assert_close(unet(x, timestep), plain(x, timestep))


def test_the_prompt_and_the_pixels_change_the_output() -> None:
    x, timestep = torch.randn(1, 3, 16, 16), torch.tensor([500.0])
    unet = randomise(UNet(CONFIG), 2)
    assert isinstance(unet, UNet)
    assert unet.text_encoder is not None
    embeds = unet.text_encoder(TOKENS)
    prompt, empty = (unet(x, timestep, text_embeds=embed[None]) for embed in embeds)
    assert (prompt - empty).abs().max() > 1e-3
    assert torch.equal(empty, unet(x, timestep))


def test_the_configuration_is_read_from_the_tensors() -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in UNet(CONFIG).state_dict().items()}
    assert config_from_state(shapes) == CONFIG
    assert text_encoder.config_from_state({"out.2.weight": (3, 3)}, "text_encoder.", embedding=128) is None


def test_text_is_refused_where_it_does_not_belong() -> None:
    x, timestep = torch.zeros(1, 3, 16, 16), torch.zeros(1)
    with pytest.raises(ShapeError, match="text-conditional"):
        UNet(replace(CONFIG, text=None))(x, timestep, text_embeds=torch.zeros(1, 128))
    with pytest.raises(ShapeError, match=r"expected \[1, 128\]"):
        UNet(CONFIG)(x, timestep, text_embeds=torch.zeros(2, 128))
