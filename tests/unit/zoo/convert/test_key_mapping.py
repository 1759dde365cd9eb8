"""Names of other publications."""

import pytest
import torch

from danqing.zoo.convert.key_mapping import from_transformers, lpips_names


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("logit_scale", "logit_scale"),
        ("text_model.encoder.layer.3.attention.self.query.bias", "bert.encoder.layer.3.attention.self.query.bias"),
        ("vision_model.encoder.layers.11.mlp.fc1.weight", "visual.transformer.resblocks.11.mlp.c_fc.weight"),
        ("vision_model.encoder.layers.0.layer_norm2.bias", "visual.transformer.resblocks.0.ln_2.bias"),
        ("never.heard.of", "never.heard.of"),
    ],
)
def test_transformers_names(theirs: str, ours: str) -> None:
    assert list(from_transformers({theirs: torch.zeros(1)})) == [ours]


def test_queries_keys_and_values_are_joined_in_this_order() -> None:
    there = "vision_model.encoder.layers.4.self_attn"
    state = {f"{there}.{letter}_proj.bias": torch.tensor([float(n)]) for n, letter in enumerate("kvq")}
    joined = from_transformers(state)
    assert list(joined) == ["visual.transformer.resblocks.4.attn.in_proj_bias"]
    assert torch.equal(next(iter(joined.values())), torch.tensor([2.0, 0.0, 1.0]))


def test_projections_are_transposed() -> None:
    matrix = torch.randn(2, 3)
    renamed = from_transformers({"text_projection.weight": matrix, "visual_projection.weight": matrix})
    assert torch.equal(renamed["text_projection"], matrix.T)
    assert torch.equal(renamed["visual.proj"], matrix.T)


@pytest.mark.parametrize(
    ("layer", "place"), [(0, "slice1"), (2, "slice1"), (5, "slice2"), (14, "slice3"), (17, "slice4"), (28, "slice5")]
)
def test_vgg_layers_find_their_slice(layer: int, place: str) -> None:
    assert list(lpips_names({f"features.{layer}.bias": torch.zeros(1)})) == [f"net.{place}.{layer}.bias"]


def test_what_lpips_stores_twice_or_for_nothing_is_left_out() -> None:
    names = ["lin0.model.1.weight", "lins.0.model.1.weight", "scaling_layer.scale", "classifier.6.bias"]
    assert list(lpips_names(dict.fromkeys(names, torch.zeros(1)))) == names[:1]
