"""A checkpoint of the user's own becomes a model: converted, checked by whoever knows networks, and written down."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from danqing.errors import ModelNotFound, WeightsError
from danqing.settings import Settings
from danqing.zoo.convert import convert_file
from danqing.zoo.fetch import sha256_of
from danqing.zoo.lock import alone
from danqing.zoo.manifest import Record, write_manifest
from danqing.zoo.own import OwnModel, check_name, read_own, write_own


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
