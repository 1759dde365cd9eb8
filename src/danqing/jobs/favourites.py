"""The favourites of the users of a service: one empty file for each, so that several programs can change them at once."""

from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from danqing.storage.atomic import storage_errors

FOLDER = "favourites"
"""Name of the folder of all favourites, below that of the service."""


class Favourites:
    """IDs of the jobs and runs that each user has marked.

    Args:
        service: folder of the service, `settings.service`; created when the first favourite is added.
    """

    def __init__(self, service: Path) -> None:
        self._folder = service / FOLDER

    def add(self, owner: str, id: str) -> None:
        """Mark a job; has no effect if it is marked.

        Raises:
            StorageError: the folder cannot be written.
        """
        folder = self._folder_of(owner)
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                (folder / id).touch(exist_ok=False)

    def remove(self, owner: str, id: str) -> None:
        """Unmark a job; has no effect if it is not marked.

        Raises:
            StorageError: the folder cannot be written.
        """
        folder = self._folder_of(owner)
        with storage_errors(folder):
            (folder / id).unlink(missing_ok=True)

    def ids(self, owner: str) -> tuple[str, ...]:
        """Return the marked jobs of a user, the newest mark first; jobs that were deleted meanwhile may be among them."""
        with suppress(FileNotFoundError):
            files = [(file.stat().st_mtime_ns, file.name) for file in self._folder_of(owner).iterdir()]
            return tuple(name for _, name in sorted(files, reverse=True))
        return ()

    def _folder_of(self, owner: str) -> Path:
        """Return the folder of a user; the name of an API key may contain characters that file systems reject."""
        return self._folder / (sha256(owner.encode()).hexdigest()[:16] if owner else "local")
