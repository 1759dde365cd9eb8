"""Loading a model: devices, and files that are not what they should be."""

from pathlib import Path

import pytest
import torch

from danqing.api import load
from danqing.errors import InvalidRequest, ModelNotFound, WeightsError
from danqing.events import Stepped
from danqing.pipeline import Pipeline
from danqing.pipeline.model import Dtype, choose_device
from danqing.request import read_request
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


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("secondary", [0, 1])
def test_every_precision_paints_through_either_network(made_up: Pipeline, dtype: Dtype, secondary: int) -> None:
    pipeline = load(made_up.spec.name, device="cpu", dtype=dtype)
    knobs = {"steps": 2, "size": (64, 64), "cut_overview": 1, "cut_innercut": 1, "use_secondary": secondary}
    whole, painted = (
        [event for event in each.run(read_request({"prompts": "雪", "seed": 1, **knobs})) if isinstance(event, Stepped)]
        for each in (made_up, pipeline)
    )
    assert [step.nan for step in painted] == [False, False]
    assert [step.loss for step in painted] == pytest.approx([step.loss for step in whole], rel=0.05)


def test_half_precision_has_the_channels_last(made_up: Pipeline) -> None:
    half = load(made_up.spec.name, device="cpu", dtype="bfloat16").model
    for model, last in ((made_up.model, False), (half, True)):
        assert model.secondary is not None
        for network in (model.unet, model.secondary):
            kernels = [p for p in network.parameters() if p.ndim == 4 and p.shape[2] > 1 and p.shape[1] > 1]
            assert {p.is_contiguous(memory_format=torch.channels_last) for p in kernels} == {last}


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
