"""What `danqing train` exported becomes a model that paints: checked against its card, copied, and written down."""

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from danqing.errors import ModelNotFound, StorageError, WeightsError
from danqing.request import SIDE
from danqing.settings import Settings
from danqing.storage.lock import alone
from danqing.types import Prediction
from danqing.zoo.catalog import MINI, catalogue, trained_files
from danqing.zoo.convert import convert_file
from danqing.zoo.custom_models import OwnModel, check_name, read_own, write_own
from danqing.zoo.download import sha256_of
from danqing.zoo.manifest import Record, write_manifest
from danqing.zoo.spec import Published

CARD = "card.json"


class _File(BaseModel):
    model_config = ConfigDict(frozen=True)

    bytes: int
    sha256: str


class _Card(BaseModel):
    """What is needed of card.json."""

    model_config = ConfigDict(frozen=True)

    prediction: Prediction
    resolution: int
    files: Mapping[str, _File]

    @property
    def clips(self) -> int:
        """How many CLIPs look at its pictures."""
        return 2 if "clip2.safetensors" in self.files else 1

    @property
    def needed(self) -> tuple[str, ...]:
        """Names of the files that such a model consists of."""
        return tuple(file.installed for file in trained_files(Published, self.clips))

    @property
    def kept(self) -> Mapping[str, _File]:
        """These files; nothing else is read or copied."""
        return {file: self.files[file] for file in self.needed}


def add_training(folder: Path, name: str, settings: Settings) -> None:
    """Install the folder that a training exported, and write the model into models.yaml.

    Args:
        folder: holds card.json and the files that it names.
        name: what the model will be called.
        settings: says where models live.
    Raises:
        ModelNotFound: the folder holds no finished export.
        InvalidRequest: the name is taken or cannot name a folder.
        WeightsError: a file is not what its card says.
        StorageError: DANQING_HOME cannot be written.
    """
    card = _read_card(folder)
    check_name(name, settings)
    side = -(-card.resolution // SIDE) * SIDE
    entry = OwnModel(
        unet="unet.safetensors",
        size=sum(said.bytes for said in card.kept.values()),
        trained=True,
        trained_clips=card.clips,
        prediction=card.prediction,
        side=card.resolution,
        defaults={**catalogue()[MINI].defaults, "size": [side, side]},
    )
    for file, said in card.kept.items():
        if sha256_of(folder / file) != said.sha256:
            raise WeightsError(
                f"{folder / file} 和 {CARD} 里的校验和不符：请重新导出（danqing train export）。",
                f"{folder / file} is not what {CARD} says; export it again (danqing train export).",
            )
    try:
        with alone(settings, lambda: None):
            _copy(folder, card, settings.models / name, entry)
            write_own(settings, {**read_own(settings), name: entry})
    except OSError as error:
        raise StorageError(
            f"写不进 {settings.models}：{error.strerror}。请检查权限和磁盘空间。",
            f"Cannot write {settings.models}: {error.strerror}. Check permissions and disk space.",
        ) from error


def _copy(folder: Path, card: _Card, place: Path, entry: OwnModel) -> None:
    """All files or none."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{place.name}-", dir=place.parent) as staged:
        for file in card.kept:
            shutil.copyfile(folder / file, Path(staged) / file)
        place.mkdir(exist_ok=True)
        for file in card.kept:
            (Path(staged) / file).replace(place / file)
    records = {
        file: Record(sha256=said.sha256, bytes=said.bytes, made_from={}, half=file.endswith(".safetensors"))
        for file, said in card.kept.items()
    }
    write_manifest(place, records, own=entry)


def _read_card(folder: Path) -> _Card:
    try:
        card = _Card.model_validate(cast("dict[str, Any]", json.loads((folder / CARD).read_text(encoding="utf-8"))))
    except (OSError, ValueError, ValidationError) as error:
        raise _incomplete(folder, CARD) from error
    for file in card.needed:
        if file not in card.files or not (folder / file).is_file():
            raise _incomplete(folder, file)
    return card


def _incomplete(folder: Path, file: str) -> ModelNotFound:
    return ModelNotFound(
        f"{folder} 里没有可用的 {file}，它不是训练好的模型。请先运行 danqing train export … --to 文件夹。",
        f"{folder} has no usable {file}; it is no trained model. Run danqing train export … --to FOLDER first.",
    )


def add_checkpoint(
    checkpoint: Path,
    name: str,
    entry: OwnModel,
    settings: Settings,
    *,
    half: bool = False,
    check: Callable[[Path], object] = lambda _: None,
) -> None:
    """Install a U-Net of the user's own, and write the model into models.yaml.

    Args:
        checkpoint: a PyTorch or safetensors file.
        name: what the model will be called.
        entry: what models.yaml shall say of it; size and checksum are filled in.
        settings: says where models live.
        half: store fp16 instead of the original precision.
        check: is shown the converted file and raises WeightsError where it is no such network.
    Raises:
        ModelNotFound: there is no such file.
        InvalidRequest: the name is taken or cannot name a folder.
        WeightsError: the file is damaged or no guided-diffusion U-Net; the message says what does not fit.
        StorageError: DANQING_HOME cannot be written.
    """
    if not checkpoint.is_file():
        raise ModelNotFound(f"没有 {checkpoint} 这个文件。", f"There is no file {checkpoint}.")
    check_name(name, settings)
    place = settings.models / name
    with alone(settings, lambda: None):
        settings.models.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=settings.models) as staged:
            ready = Path(staged) / "unet.safetensors"
            convert_file(checkpoint, ready, "unet", half=half)
            _check(check, ready, checkpoint)
            checksum = sha256_of(checkpoint)
            entry = entry.model_copy(update={"sha256": checksum, "size": checkpoint.stat().st_size})
            origin = {checkpoint.name: checksum}
            record = Record(sha256=sha256_of(ready), bytes=ready.stat().st_size, made_from=origin, half=half)
            place.mkdir(exist_ok=True)
            ready.replace(place / ready.name)
            write_manifest(place, {ready.name: record}, own=entry)
        write_own(settings, {**read_own(settings), name: entry})


def _check(check: Callable[[Path], object], ready: Path, checkpoint: Path) -> None:
    """Let it speak of the user's file, not of ours."""
    try:
        check(ready)
    except WeightsError as error:
        zh, en = (text.replace(str(ready), str(checkpoint)) for text in (error.zh, error.en))
        raise WeightsError(zh, en) from error
