"""hub.Module: the original's signature, what is painted when the model is missing, and what is said about it."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

import danqing.paddlehub as hub
from danqing import api
from danqing.errors import DanqingError, InvalidRequest, ModelNotFound
from danqing.events import Completed, Event, Failed, Previewed, Started, Stepped, Warned
from danqing.paddlehub.fallback import UNSUPPORTED_MODULES
from danqing.paddlehub.parameters import PARAMETERS
from danqing.request import Request
from danqing.zoo.catalog import MINI, ORIGINAL


class Studio:
    """Stands in for a loaded model: remembers what was asked and paints gray pictures of three steps."""

    def __init__(self) -> None:
        self.loaded: list[tuple[str, str]] = []
        self.requests: list[Request] = []
        self.extra: tuple[Event, ...] = ()
        self.interrupted = False
        self.spec = SimpleNamespace(name=MINI)

    def load(self, model: str = "auto", *, device: str = "auto") -> "Studio":
        self.loaded.append((model, device))
        return self

    def resolve(self, request: Request) -> Request:
        self.requests.append(request)
        return request.with_changes(seed=7, steps=3, skip_steps=0, model=MINI)

    def run(self, request: Request, *, resume: object, on_checkpoint: object) -> Iterator[Event]:
        assert resume is None
        assert on_checkpoint is not None
        image = Image.new("RGB", (64, 64), "gray")
        yield Started(
            request=request, model=MINI, device="cpu", seeds=tuple(range(7, 7 + request.image_count)), steps=3
        )
        for step in range(3):
            yield Stepped(batch=0, step=step, steps=3, loss=None, nan=False, seconds=0.1)
            for number in range(request.image_count):
                yield Previewed(picture=number, step=step, last=step == 2, image=image)
        yield from self.extra
        if self.interrupted:
            raise KeyboardInterrupt
        for number in range(request.image_count):
            yield Completed(picture=number, seed=7 + number, image=image, nan_steps=0)


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Studio:
    stands_in = Studio()
    monkeypatch.setattr(api, "load", stands_in.load)
    monkeypatch.chdir(tmp_path)
    return stands_in


def test_the_signature_is_the_originals() -> None:
    shown = list(inspect.signature(hub.Module.generate_image).parameters.values())[1:]
    assert [p.name for p in shown] == [p.name for p in PARAMETERS]
    assert [p.default for p in shown if p.name != "width_height"][1:] == [
        p.default for p in PARAMETERS if p.name != "width_height"
    ][1:]
    assert shown[0].default is inspect.Parameter.empty
    assert shown[4].default == [1280, 768]


@pytest.mark.usefixtures("studio")
def test_documents_carry_pictures_previews_and_parameters() -> None:
    documents: Any = hub.Module(name=ORIGINAL).generate_image("孤舟", n_batches=2, output_dir="out/here")
    assert len(documents) == 2
    assert [d.tags["seed"] for d in documents] == [7, 8]
    assert set(documents[0].tags) == {p.name for p in PARAMETERS}
    assert documents[0].tags["output_dir"] == "out/here"
    assert [chunk.tags["cur_t"] for chunk in documents[0].chunks] == [1, 0, -1]
    assert [path.name for path in sorted(Path("out/here").glob("*.png"))] == ["progress-0.png", "progress-1.png"]


def test_only_given_arguments_reach_the_request(studio: Studio) -> None:
    hub.Module(name=ORIGINAL).generate_image(["孤舟"], "水墨画", None, steps=250, cut_ic_pow=None)
    assert studio.requests[0].model_fields_set == {"prompts", "style", "steps"}


def test_positional_arguments_keep_the_originals_order(studio: Studio) -> None:
    hub.Module(name=ORIGINAL).generate_image("孤舟", None, "齐白石", None, [512, 448], 2, 20)
    request = studio.requests[0]
    assert (request.artist, request.size, request.skip_steps, request.steps) == ("齐白石", (512, 448), 2, 20)


def test_a_model_is_loaded_once_for_each_device(studio: Studio) -> None:
    module = hub.Module(name=MINI)
    for use_gpu in (True, False, True, None):
        module.generate_image("孤舟", use_gpu=use_gpu)
    assert [device for _, device in studio.loaded] == ["auto", "cpu"]


def test_a_missing_model_is_said_once_and_the_embedded_one_paints(
    studio: Studio, capsys: pytest.CaptureFixture[str]
) -> None:
    module = hub.Module(name=ORIGINAL)
    module.generate_image("孤舟")
    module.generate_image("孤舟")
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"danqing models install {ORIGINAL}" in said
    assert [model for model, _ in studio.loaded] == [MINI]


def test_an_installed_model_paints(
    studio: Studio, tiny_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DANQING_HOME", str(tiny_home))
    hub.Module(name=ORIGINAL).generate_image("孤舟")
    assert [model for model, _ in studio.loaded] == [ORIGINAL]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", [*UNSUPPORTED_MODULES, "disco_diffusion_clip_vitb32", "disco_diffusion_clip_rn50"])
def test_siblings_are_understood(name: str, studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
    hub.Module(name=name, version="1.0.0").generate_image("孤舟")
    assert [model for model, _ in studio.loaded] == [MINI]
    assert name in capsys.readouterr().err


def test_an_unknown_model_names_the_nearest() -> None:
    with pytest.raises(ModelNotFound, match=ORIGINAL):
        hub.Module(name="disco_diffusion_cnclip_vitb")


@pytest.mark.usefixtures("studio")
def test_a_floored_size_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    sides = [1300, 800]
    hub.Module(name=MINI).generate_image("孤舟", width_height=sides)
    hub.Module(name=MINI).generate_image("孤舟", width_height=[1280, 768])
    said = [line for line in capsys.readouterr().err.splitlines() if "64" in line]
    assert said == ["宽和高应为 64 的倍数，[1300, 800] 改为 1280x768。"]
    assert sides == [1300, 800]


def test_warnings_are_passed_on_in_the_users_language(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DANQING_LANGUAGE", "en")
    studio.extra = (Warned(zh="太长", en="too long"),)
    hub.Module(name=MINI).generate_image("孤舟")
    assert "too long" in capsys.readouterr().err


def test_a_failed_run_is_an_error(studio: Studio) -> None:
    studio.extra = (Failed(reason="nan", zh="坏了", en="broken", batch=0, step=1),)
    with pytest.raises(DanqingError, match="broken"):
        hub.Module(name=MINI).generate_image("孤舟")


def test_an_interrupt_says_how_to_go_on(studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
    studio.interrupted = True
    with pytest.raises(KeyboardInterrupt):
        hub.Module(name=MINI).generate_image("孤舟")
    assert "danqing runs resume " in capsys.readouterr().err


def test_a_bad_value_is_refused_before_the_model_is_loaded(studio: Studio) -> None:
    with pytest.raises(InvalidRequest, match="steps"):
        hub.Module(name=MINI).generate_image("孤舟", steps=0)
    assert studio.loaded == []


def test_an_unknown_argument_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="stepps"):
        hub.Module(name=MINI).generate_image("孤舟", stepps=3)  # pyright: ignore[reportCallIssue]


def test_a_missing_docarray_is_known_before_the_painting(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "docarray", None)
    with pytest.raises(DanqingError, match=r"danqing\[paddlehub\]"):
        hub.Module(name=MINI).generate_image("孤舟")
    assert studio.requests == []
    assert len(hub.Module(name=MINI).paint({"text_prompts": "孤舟"})) == 1  # `hub run` needs none
