"""Loading of upscalers: Compact without further libraries, other architectures by spandrel, hostile files refused."""

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from danqing.errors import MissingExtra, WeightsError
from danqing.models.load_upscaler import load_upscaler
from danqing.models.srvgg_compact import CompactConfig
from tests.malicious_inputs import pickles
from tests.tiny_upscaler import CONFIG, declare_torchvision_operators, tiny_compact, write_tiny_upscaler

IMAGE = torch.rand(1, 3, 9, 14, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def spandrel() -> Iterator[Any]:
    """The library; its import needs two operators of torchvision."""
    if find_spec("spandrel") is None:
        pytest.skip("spandrel is not installed")
    kept = declare_torchvision_operators() if "torchvision" not in sys.modules else None
    yield __import__("spandrel")
    del kept


@pytest.mark.parametrize("key", [None, "params", "params_ema"])
def test_compact_files_load_from_both_formats(tmp_path: Path, key: str | None) -> None:
    network = tiny_compact()
    state: dict[str, Any] = dict(network.state_dict())
    path = tmp_path / "net.pth"
    torch.save(state if key is None else {key: state}, path)
    for file in (path, write_tiny_upscaler(tmp_path / "net.safetensors")):
        loaded = load_upscaler(file)
        assert (loaded.scale, loaded.radius, loaded.architecture) == (4, CONFIG.radius, "Compact")
        assert torch.equal(loaded.enlarge(IMAGE), network(IMAGE))


def test_spandrel_gives_the_same_result_for_a_compact_file(tmp_path: Path, spandrel: Any) -> None:
    path = write_tiny_upscaler(tmp_path / "net.safetensors", CompactConfig(12, 3, 2))
    theirs = spandrel.ModelLoader().load_from_file(str(path))
    assert theirs.architecture.name == "RealESRGAN Compact"
    assert (theirs.scale, theirs.input_channels, theirs.output_channels) == (2, 3, 3)
    assert torch.allclose(load_upscaler(path).enlarge(IMAGE), theirs.model(IMAGE), atol=1e-5)


def spandrel_network(name: str) -> Any:
    from spandrel.architectures.DAT import DAT  # pyright: ignore
    from spandrel.architectures.ESRGAN import ESRGAN  # pyright: ignore
    from spandrel.architectures.SPAN import SPAN  # pyright: ignore
    from spandrel.architectures.SwinIR import SwinIR  # pyright: ignore

    small: dict[str, Any] = {"img_size": 16, "num_heads": [2], "upscale": 2, "upsampler": "pixelshuffledirect"}
    return {
        "ESRGAN": lambda: ESRGAN(num_filters=8, num_blocks=1, scale=4),
        "SPAN": lambda: SPAN(num_in_ch=3, num_out_ch=3, feature_channels=8, upscale=2),
        "SwinIR": lambda: SwinIR(embed_dim=12, depths=[2], window_size=4, **small),
        "DAT": lambda: DAT(embed_dim=60, depth=[1], split_size=[2, 4], **small),
    }[name]()


@pytest.mark.usefixtures("spandrel")
@pytest.mark.filterwarnings("ignore:torch.meshgrid")
@pytest.mark.parametrize("name", ["ESRGAN", "SPAN", "SwinIR", "DAT"])
def test_other_architectures_load_by_spandrel(tmp_path: Path, name: str) -> None:
    network = spandrel_network(name).eval()
    path = tmp_path / "net.pth"
    torch.save({"params_ema": network.state_dict()}, path)
    loaded = load_upscaler(path)
    assert loaded.architecture.startswith(name)
    with torch.inference_mode():
        large = loaded.enlarge(IMAGE)
    assert large.shape == (1, 3, 9 * loaded.scale, 14 * loaded.scale)
    assert not any(parameter.requires_grad for parameter in loaded.module.parameters())


def test_without_spandrel_the_command_that_installs_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "esrgan.pth"
    torch.save({"conv_first.weight": torch.zeros(64, 3, 3, 3)}, path)
    monkeypatch.setitem(sys.modules, "spandrel", None)
    with pytest.raises(MissingExtra, match=r"danqing\[upscale\]"):
        load_upscaler(path)


class Hostile:
    """Unpickled, it creates a file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self._file,)


def test_a_file_with_code_is_refused_and_not_executed(tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    path = tmp_path / "hostile.pth"
    for data in pickles(str(marker)):
        path.write_bytes(data)
        with pytest.raises(WeightsError):
            load_upscaler(path)
    torch.save({"params": Hostile(marker)}, path)
    with pytest.raises(WeightsError, match="arbitrary code"):
        load_upscaler(path)
    assert not marker.exists()


@pytest.mark.usefixtures("spandrel")
def test_other_networks_are_refused(tmp_path: Path) -> None:
    unknown = {"some.weight": torch.zeros(4, 4)}
    same_size = dict(tiny_compact(CompactConfig(8, 1, 1)).state_dict())
    incomplete: dict[str, Tensor] = {
        name: tensor for name, tensor in tiny_compact().state_dict().items() if name != "body.3.weight"
    }
    for number, state in enumerate((unknown, same_size, incomplete)):
        path = tmp_path / f"{number}.pth"
        torch.save(state, path)
        with pytest.raises(WeightsError) as error:
            load_upscaler(path)
        assert str(path) in error.value.zh
        assert str(path) in error.value.en
