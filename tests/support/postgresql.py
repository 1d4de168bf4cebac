"""A throw-away PostgreSQL server, started by pytest-postgresql's executor, also for root.

PostgreSQL refuses to run as root, and containers often are root. Then its programs run as `postgres` or `nobody`,
through a two-line script that stands in for pg_ctl. That user can rarely reach pytest's own temporary folder (mode
700) or the checkout, so the server lives in a folder of its own, under a temporary directory that all may enter.

Each test gets a database of its own, cloned from one that was prepared once: about 30 ms.
"""

import os
import pwd
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from mirakuru.exceptions import ExecutorError
from pytest_postgresql.executors import PostgreSQLExecutor
from pytest_postgresql.janitor import DatabaseJanitor

TEMPLATE = "prepared"
ATTEMPTS = 3  # another program may take the free port before the server does

# Nothing here must survive a crash. A zone far from UTC shows times that lost theirs.
OPTIONS = (
    "-c synchronous_commit=off -c full_page_writes=off -c max_connections=200 -c shared_buffers=32MB "
    "-c jit=off -c timezone=Asia/Kolkata"
)


class Server:
    """A running server with one prepared template."""

    def __init__(self, executor: PostgreSQLExecutor) -> None:
        self._executor = executor
        self._numbers = count(1)

    def prepare(self, build: Callable[[str], None]) -> None:
        """Make the template; `build` gets its URL."""
        self._janitor(TEMPLATE).init()
        build(self._url(TEMPLATE))

    @contextmanager
    def database(self) -> Iterator[str]:
        """Yield the URL of a fresh copy of the template, dropped afterwards."""
        name = f"test_{next(self._numbers)}"
        janitor = self._janitor(name, template=TEMPLATE)
        janitor.init()
        try:
            yield self._url(name)
        finally:
            janitor.drop()

    def _url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@{self._executor.host}:{self._executor.port}/{name}"

    def _janitor(self, name: str, template: str | None = None) -> DatabaseJanitor:
        return DatabaseJanitor(
            user="postgres",
            host=self._executor.host,
            port=self._executor.port,
            dbname=name,
            template_dbname=template,
        )


@contextmanager
def running(pg_ctl: Path) -> Iterator[Server]:
    """Start a server, yield it, stop it and remove its files."""
    folder = Path(tempfile.mkdtemp(prefix="authsvc-pg-", dir=_reachable_temporary_folder()))
    try:
        executor = _start(_as_ordinary_user(pg_ctl, folder), folder)
        try:
            yield Server(executor)
        finally:
            executor.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(pg_ctl: Path, folder: Path) -> PostgreSQLExecutor:
    for attempt in range(1, ATTEMPTS + 1):
        executor = PostgreSQLExecutor(
            executable=str(pg_ctl),
            host="127.0.0.1",
            port=_free_port(),
            datadir=str(folder / f"data{attempt}"),
            unixsocketdir=str(folder),
            logfile=str(folder / "log"),
            startparams="-w",
            dbname="postgres",
            postgres_options=OPTIONS,
        )
        try:
            executor.start()
        except ExecutorError:
            if attempt == ATTEMPTS:
                log = folder / "log"
                pytest.fail(f"PostgreSQL didn't start:\n{log.read_text() if log.exists() else 'no log'}", pytrace=False)
        else:
            return executor
    raise AssertionError("unreachable")


def _as_ordinary_user(pg_ctl: Path, folder: Path) -> Path:
    if os.geteuid() != 0:
        return pg_ctl
    user = next((name for name in ("postgres", "nobody") if _exists(name)), None)
    setpriv = shutil.which("setpriv")
    if user is None or setpriv is None:
        pytest.fail("PostgreSQL can't run as root; needs setpriv and the user postgres or nobody", pytrace=False)
    entry = pwd.getpwnam(user)
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    script = folder / "pg_ctl"
    # The working directory may be closed to that user, and pg_ctl insists on entering it.
    script.write_text(
        "#!/bin/sh\n"
        f"cd {folder}\n"
        f'exec {setpriv} --reuid={entry.pw_uid} --regid={entry.pw_gid} --clear-groups {pg_ctl} "$@"\n'
    )
    script.chmod(0o755)
    return script


def _exists(user: str) -> bool:
    return any(entry.pw_name == user for entry in pwd.getpwall())


def _reachable_temporary_folder() -> Path:
    chosen = Path(tempfile.gettempdir()).resolve()
    open_to_all = all(folder.stat().st_mode & stat.S_IXOTH for folder in (chosen, *chosen.parents))
    return chosen if open_to_all else Path("/tmp")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
