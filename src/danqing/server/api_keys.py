"""API keys: only their hashes are stored, each with a name; compared in constant time."""

import json
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import cast

from danqing.errors import InvalidRequest, StorageError
from danqing.settings import Settings
from danqing.storage.atomic import HOME_ADVICE, storage_errors, write_text

PREFIX = "dq-"
"""Prefix of every key, by which scanners recognise leaked keys."""

_NAME = re.compile(r"[\w.@-]{1,64}")


@dataclass(frozen=True, slots=True)
class Key:
    """A stored key: its name, its SHA-256, and its time of creation."""

    name: str
    digest: str
    created: str


class ApiKeyStore:
    """The API keys in a file, which is read again when it changes: a running service accepts new keys.

    Args:
        file: JSON file with names and hashes; created by `add`.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stamp: tuple[int, int] | None = None
        self._keys: tuple[Key, ...] = ()

    @classmethod
    def from_settings(cls, settings: Settings) -> "ApiKeyStore":
        """Return the API keys of DANQING_HOME."""
        return cls(settings.service / "keys.json")

    def list(self) -> tuple[Key, ...]:
        """Return all keys, oldest first.

        Raises:
            StorageError: the file is damaged; then every request is rejected.
        """
        try:
            found = self._file.stat()
        except FileNotFoundError:
            self._stamp, self._keys = None, ()
            return ()
        stamp = (found.st_mtime_ns, found.st_ino)
        if stamp != self._stamp:
            self._keys, self._stamp = self._read(), stamp
        return self._keys

    def add(self, name: str) -> str:
        """Create a key and return its text, which is not stored.

        Raises:
            InvalidRequest: the name is in use or invalid.
            StorageError: the file cannot be written.
        """
        keys = self.list()
        if not _NAME.fullmatch(name):
            raise InvalidRequest(
                f"名字“{name}”无效：只能用字母、数字、汉字和 . _ @ -，最多 64 个字符。",
                f"The name {name!r} is invalid: use letters, digits and . _ @ -, at most 64 characters.",
                field="name",
            )
        if any(key.name == name for key in keys):
            raise InvalidRequest(
                f"已有名为 {name} 的密钥。请换一个名字，或先运行 danqing serve keys rm {name}。",
                f"There already is a key named {name}. Choose another name, or run danqing serve keys rm {name} first.",
                field="name",
            )
        text = PREFIX + secrets.token_urlsafe(32)
        self._write((*keys, Key(name, _digest(text), datetime.now(UTC).isoformat(timespec="seconds"))))
        return text

    def remove(self, name: str) -> None:
        """Revoke a key; the next request with it is rejected.

        Raises:
            InvalidRequest: no key has this name.
        """
        keys = self.list()
        if all(key.name != name for key in keys):
            raise InvalidRequest(
                f"没有名为 {name} 的密钥。运行 danqing serve keys list 查看全部密钥。",
                f"There is no key named {name}. Run danqing serve keys list to see all keys.",
                field="name",
            )
        self._write(tuple(key for key in keys if key.name != name))

    def find_owner(self, text: str) -> str | None:
        """Return the name of the key with this text, or None. Every key is compared, in constant time."""
        digest, found = _digest(text), None
        for key in self.list():
            if secrets.compare_digest(key.digest, digest):
                found = key.name
        return found

    def _read(self) -> tuple[Key, ...]:
        try:
            entries = cast("list[Mapping[str, str]]", json.loads(self._file.read_text("utf-8")))
            return tuple(Key(entry["name"], entry["sha256"], entry["created"]) for entry in entries)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StorageError(
                f"无法读取密钥文件 {self._file}。请修复或删除它，再用 danqing serve keys add 新建密钥。",
                f"Cannot read the API keys in {self._file}. Repair or remove the file, then run danqing serve keys add.",
            ) from error

    def _write(self, keys: tuple[Key, ...]) -> None:
        entries = [{"name": key.name, "sha256": key.digest, "created": key.created} for key in keys]
        with storage_errors(self._file, HOME_ADVICE):
            self._file.parent.mkdir(parents=True, exist_ok=True)
        write_text(self._file, json.dumps(entries, ensure_ascii=False, indent=1) + "\n", advice=HOME_ADVICE)
        with suppress(OSError):  # a file system without permissions
            self._file.chmod(0o600)
        self._stamp = None


def _digest(text: str) -> str:
    # A key has 32 random bytes and cannot be guessed, so that a fast hash is sufficient.
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
