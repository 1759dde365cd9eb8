"""Links to files that work without an API key until they expire."""

import hmac
import os
import secrets
import time
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from danqing.storage.atomic import HOME_ADVICE, storage_errors, write_bytes
from danqing.storage.lock import file_lock

LINK_SECONDS = 3600
"""Lifetime of a link, as with OpenAI's image URLs."""


class LinkSigner:
    """Signs paths of this service with a secret key (HMAC-SHA256).

    Args:
        key: secret bytes; random if omitted, then links are valid until the process ends.
    """

    def __init__(self, key: bytes = b"") -> None:
        self._key = key or secrets.token_bytes(32)

    @classmethod
    def from_file(cls, file: Path) -> "LinkSigner":
        """Read the key from a file, which is created if it does not exist, so that links survive a restart.

        Raises:
            StorageError: the file cannot be read or written.
        """
        with storage_errors(file, HOME_ADVICE):
            file.parent.mkdir(parents=True, exist_ok=True)
            with file_lock(
                file.with_name(f".{file.name}.lock"), lambda: None
            ):  # services that share a home may start at once
                if not file.exists():
                    write_bytes(file, secrets.token_bytes(32), advice=HOME_ADVICE)
                    os.chmod(file, 0o600)
            return cls(file.read_bytes())

    def sign(self, path: str) -> str:
        """Return a path with an expiry time and a signature appended as its query.

        Args:
            path: without the root path of a reverse proxy.
        """
        expires = int(time.time()) + LINK_SECONDS
        return f"{path}?{urlencode({'expires': expires, 'signature': self._signature(path, str(expires))})}"

    def is_valid(self, path: str, query: str) -> bool:
        """Return True if a query contains the signature of this path and the link has not expired."""
        values = dict(parse_qsl(query))
        expires, signature = values.get("expires", ""), values.get("signature", "")
        if not (expires.isascii() and expires.isdecimal() and len(expires) < 16 and int(expires) > time.time()):
            return False
        return hmac.compare_digest(signature.encode(), self._signature(path, expires).encode())

    def _signature(self, path: str, expires: str) -> str:
        return hmac.new(self._key, f"{path}\n{expires}".encode(), sha256).hexdigest()
