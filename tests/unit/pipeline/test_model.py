"""Loading a model: devices, and files that are not what they should be."""

from pathlib import Path

import pytest
import torch

from danqing.api import load
from danqing.errors import InvalidRequest, ModelNotFound, WeightsError
from danqing.pipeline import Pipeline
from danqing.pipeline.model import choose_device
from danqing.zoo.catalog import ORIGINAL
from tests.made_up import write_made_up


def test_devices() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type in ("cpu", "cuda", "mps")
    for name in ("cuda:77", "gpu", ""):
        with pytest.raises(InvalidRequest) as caught:
            choose_device(name)
        assert caught.value.field == "device"


def test_networks_are_frozen_and_of_the_asked_precision(made_up: Pipeline) -> None:
    assert not any(p.requires_grad for p in made_up.model.unet.parameters())
    assert next(load(ORIGINAL, device="cpu", dtype="bfloat16").model.unet.parameters()).dtype == torch.bfloat16


def test_a_missing_model_names_the_command_that_installs_it() -> None:
    with pytest.raises(ModelNotFound, match="danqing models install"):
        load(ORIGINAL)
    with pytest.raises(ModelNotFound, match="disco_diffusion_cnclip_vitb16"):
        load("disco_difusion_cnclip_vitb16")


def test_a_torn_file_is_an_error_that_names_it(home: Path) -> None:
    folder = write_made_up(home / "models" / ORIGINAL)
    whole = (folder / "unet.safetensors").read_bytes()
    (folder / "unet.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match=r"unet\.safetensors"):
        load(ORIGINAL, device="cpu")
