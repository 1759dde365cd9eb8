"""Keys that let callers in: only their hashes are stored, each under a name; compared in constant time."""

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
"""How every key begins, so that one that leaked can be recognised."""

_NAME = re.compile(r"[\w.@-]{1,64}")


@dataclass(frozen=True, slots=True)
class Key:
    """A stored key: whose it is, the SHA-256 of its text, and when it was made."""

    name: str
    digest: str
    created: str


class ApiKeyStore:
    """The API keys stored in one `DANQING_HOME`, reread when their file changes, so a running service accepts new keys."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stamp: tuple[int, int] | None = None
        self._keys: tuple[Key, ...] = ()

    @classmethod
    def from_settings(cls, settings: Settings) -> "ApiKeyStore":
        """The keyring in DANQING_HOME."""
        return cls(settings.service / "keys.json")

    def list(self) -> tuple[Key, ...]:
        """All keys, oldest first.

        Raises:
            StorageError: the file is damaged; nobody is let in by mistake.
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
        """Make a key; its text is returned once and stored nowhere.

        Raises:
            InvalidRequest: the name is taken or is not a name.
            StorageError: the file cannot be written.
        """
        keys = self.list()
        if not _NAME.fullmatch(name):
            raise InvalidRequest(
                f"“{name}”不能做名字：用字母、数字、汉字和 . _ @ -，最多 64 个。",
                f"{name!r} cannot be a name: use letters, digits and . _ @ -, at most 64.",
                field="name",
            )
        if any(key.name == name for key in keys):
            raise InvalidRequest(
                f"已有叫 {name} 的钥匙。换个名字，或先 danqing serve keys rm {name}。",
                f"There is a key named {name}. Take another name, or first run danqing serve keys rm {name}.",
                field="name",
            )
        text = PREFIX + secrets.token_urlsafe(32)
        self._write((*keys, Key(name, _digest(text), datetime.now(UTC).isoformat(timespec="seconds"))))
        return text

    def remove(self, name: str) -> None:
        """Take a key back; the next request with it is refused.

        Raises:
            InvalidRequest: there is no such key.
        """
        keys = self.list()
        if all(key.name != name for key in keys):
            raise InvalidRequest(
                f"没有叫 {name} 的钥匙。用 danqing serve keys list 看有哪些。",
                f"There is no key named {name}. See danqing serve keys list.",
                field="name",
            )
        self._write(tuple(key for key in keys if key.name != name))

    def find_owner(self, text: str) -> str | None:
        """The name of the key with this text, None for a stranger. Every key is compared, in constant time."""
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
                f"钥匙文件 {self._file} 读不出来。请修好或删去它，再用 danqing serve keys add 新建。",
                f"The keys in {self._file} cannot be read. Repair or remove the file, then danqing serve keys add.",
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
    # A key is 32 random bytes: there is nothing to guess, so a plain hash is enough.
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
