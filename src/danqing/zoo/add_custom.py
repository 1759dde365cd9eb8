"""Adds the user's own models: a model exported by `danqing train`, or a checkpoint of a U-Net."""

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from danqing.errors import ModelNotFound, WeightsError
from danqing.request import SIZE_MULTIPLE
from danqing.settings import Settings
from danqing.storage.atomic import HOME_ADVICE, storage_errors
from danqing.storage.lock import install_lock
from danqing.types import Prediction
from danqing.zoo.catalog import MINI, catalog, exported_files
from danqing.zoo.convert import convert_file
from danqing.zoo.custom_models import CustomModel, check_name, load_custom, save_custom
from danqing.zoo.download import sha256_of
from danqing.zoo.manifest import FileRecord, write_manifest
from danqing.zoo.spec import RemoteFile

CARD = "card.json"


class _File(BaseModel):
    model_config = ConfigDict(frozen=True)

    bytes: int
    sha256: str


class _Card(BaseModel):
    """The part of card.json that is used here."""

    model_config = ConfigDict(frozen=True)

    prediction: Prediction
    resolution: int
    files: Mapping[str, _File]

    @property
    def clip_count(self) -> int:
        """Number of CLIPs."""
        return 2 if "clip2.safetensors" in self.files else 1

    @property
    def text_conditional(self) -> bool:
        """True if the U-Net takes the prompts as input."""
        return "unet_vocab.txt" in self.files

    @property
    def file_names(self) -> tuple[str, ...]:
        """Names of the model's files."""
        files = exported_files(RemoteFile, self.clip_count, text_conditional=self.text_conditional)
        return tuple(file.installed for file in files)

    @property
    def model_files(self) -> Mapping[str, _File]:
        """Checksums of these files; other files of the folder are ignored."""
        return {file: self.files[file] for file in self.file_names}


def add_export(folder: Path, name: str, settings: Settings) -> None:
    """Install an exported model and add it to models.yaml.

    Args:
        folder: folder with card.json and the files listed there.
        name: name of the new model.
        settings: location of the models folder.
    Raises:
        ModelNotFound: the folder is not a complete export.
        InvalidRequest: the name is taken or invalid.
        WeightsError: a file does not match its checksum in card.json.
        StorageError: DANQING_HOME cannot be written.
    """
    card = _read_card(folder)
    check_name(name, settings)
    unsupported = {"upscale"} if card.text_conditional else {"upscale", "guidance_scale"}
    defaults = {name: value for name, value in catalog()[MINI].defaults.items() if name not in unsupported}
    side = -(-card.resolution // SIZE_MULTIPLE) * SIZE_MULTIPLE
    defaults["size"] = [side, side]
    entry = CustomModel(
        unet="unet.safetensors",
        size=sum(file.bytes for file in card.model_files.values()),
        is_export=True,
        clip_count=card.clip_count,
        text_conditional=card.text_conditional,
        prediction=card.prediction,
        resolution=card.resolution,
        defaults=defaults,
    )
    for file, info in card.model_files.items():
        if sha256_of(folder / file) != info.sha256:
            raise WeightsError(
                f"{folder / file} 与 {CARD} 中的校验和不一致，请重新导出（danqing train export）。",
                f"{folder / file} does not match its checksum in {CARD}; export the model again (danqing train export).",
            )
    with storage_errors(settings.models, HOME_ADVICE), install_lock(settings.home, lambda: None):
        _copy_files(folder, card, settings.models / name, entry)
        save_custom(settings, {**load_custom(settings), name: entry})


def _copy_files(folder: Path, card: _Card, target: Path, entry: CustomModel) -> None:
    """Copy the files to a temporary folder first, so that a failed copy leaves `target` unchanged; then move them to `target`
    and write its manifest.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as staged:
        for file in card.model_files:
            shutil.copyfile(folder / file, Path(staged) / file)
        target.mkdir(exist_ok=True)
        for file in card.model_files:
            (Path(staged) / file).replace(target / file)
    records = {
        file: FileRecord(sha256=info.sha256, bytes=info.bytes, made_from={}, half=file.endswith(".safetensors"))
        for file, info in card.model_files.items()
    }
    write_manifest(target, records, custom_model=entry)


def _read_card(folder: Path) -> _Card:
    try:
        card = _Card.model_validate(cast("dict[str, Any]", json.loads((folder / CARD).read_text(encoding="utf-8"))))
    except (OSError, ValueError, ValidationError) as error:
        raise _incomplete_export(folder, CARD) from error
    for file in card.file_names:
        if file not in card.files or not (folder / file).is_file():
            raise _incomplete_export(folder, file)
    return card


def _incomplete_export(folder: Path, file: str) -> ModelNotFound:
    return ModelNotFound(
        f"{folder} 缺少可用的 {file}，不是完整的导出模型。请先运行 danqing train export … --to 文件夹。",
        f"{folder} has no usable {file} and is not a complete export. Run danqing train export … --to FOLDER first.",
    )


def add_checkpoint(
    checkpoint: Path,
    name: str,
    entry: CustomModel,
    settings: Settings,
    *,
    half: bool = False,
    check: Callable[[Path], object] = lambda _: None,
) -> None:
    """Install the checkpoint of a U-Net and add the model to models.yaml.

    Args:
        checkpoint: a PyTorch or safetensors file.
        name: name of the new model.
        entry: entry for models.yaml; size and checksum are filled in.
        settings: location of the models folder.
        half: store fp16 instead of the original precision.
        check: called with the converted file; raises WeightsError if the architecture is not supported.
    Raises:
        ModelNotFound: the file does not exist.
        InvalidRequest: the name is taken or invalid.
        WeightsError: the file is damaged or not a guided-diffusion U-Net; the message names the mismatch.
        StorageError: DANQING_HOME cannot be written.
    """
    if not checkpoint.is_file():
        raise ModelNotFound(f"文件 {checkpoint} 不存在。", f"The file {checkpoint} does not exist.")
    check_name(name, settings)
    target = settings.models / name
    with install_lock(settings.home, lambda: None):
        settings.models.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=settings.models) as staged:
            converted = Path(staged) / "unet.safetensors"
            convert_file(checkpoint, converted, "unet", half=half)
            _check_converted(check, converted, checkpoint)
            checksum = sha256_of(checkpoint)
            entry = entry.model_copy(update={"sha256": checksum, "size": checkpoint.stat().st_size})
            origin = {checkpoint.name: checksum}
            record = FileRecord(
                sha256=sha256_of(converted), bytes=converted.stat().st_size, made_from=origin, half=half
            )
            target.mkdir(exist_ok=True)
            converted.replace(target / converted.name)
            write_manifest(target, {converted.name: record}, custom_model=entry)
        save_custom(settings, {**load_custom(settings), name: entry})


def _check_converted(check: Callable[[Path], object], converted: Path, checkpoint: Path) -> None:
    """Run the check; its error names the user's file instead of the temporary one."""
    try:
        check(converted)
    except WeightsError as error:
        zh, en = (text.replace(str(converted), str(checkpoint)) for text in (error.zh, error.en))
        raise WeightsError(zh, en) from error
