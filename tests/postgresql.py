"""A real PostgreSQL server of Debian's package, for tests of services that share a database."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg


@dataclass(frozen=True)
class PostgresServer:
    """A server on a Unix socket in its own folder."""

    folder: Path
    programs: Path
    user: str | None
    """User that runs the server: it does not run as root. None for the user of the tests."""

    def url(self, database: str = "postgres") -> str:
        """Connection string of a database."""
        return f"postgresql://danqing@/{database}?host={self.folder}"

    def create_database(self) -> str:
        """Create an empty database and return its connection string."""
        name = f"test_{uuid4().hex}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off"
        log = str(self.folder / "log.txt")
        self._run(["pg_ctl", "start", "-w", "-D", self._data, "-l", log, "-o", options])

    def stop(self) -> None:
        """Stop the server at once, without waiting for its clients."""
        self._run(["pg_ctl", "stop", "-w", "-m", "immediate", "-D", self._data])

    def initialize(self) -> None:
        """Create the files of the server."""
        self._run(["initdb", "-D", self._data, "-A", "trust", "-U", "danqing", "-E", "UTF8", "--no-sync"])

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _run(self, command: Sequence[str]) -> None:
        program = str(self.programs / command[0])
        subprocess.run([program, *command[1:]], user=self.user, check=True, stdout=subprocess.DEVNULL, cwd=self.folder)


def find_programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, which Debian does not put into PATH; None if it is not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    if folders:
        return folders[-1]
    found = shutil.which("initdb")
    return Path(found).parent if found else None


@contextmanager
def postgres_server(programs: Path) -> Generator[PostgresServer]:
    """Run a server during the block."""
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="danqing-pg-"))
    if user is not None:
        entry = pwd.getpwnam(user)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    server = PostgresServer(folder, programs, user)
    try:
        server.initialize()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)
