"""A PostgreSQL server of the bench's own, where the machine has its programs: started in a folder that goes afterwards.

It listens on a socket in that folder alone, and keeps the durability that a shop's server has (fsync, full pages), so
that its figures stand beside SQLite's. PostgreSQL refuses to run as root: then it runs as `postgres` or `nobody`.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

START_S = 60
INSTALLED = Path("/usr/lib/postgresql")  # where Debian and Ubuntu put them, beside PATH


def find_programs() -> Path | None:
    """Return the folder of initdb and pg_ctl, of the newest version; None where there is none."""
    on_path = shutil.which("pg_ctl")
    if on_path is not None and shutil.which("initdb") is not None:
        return Path(on_path).parent
    found = [each.parent for each in INSTALLED.glob("*/bin/pg_ctl") if (each.parent / "initdb").exists()]
    return max(found, key=lambda each: float(each.parent.name), default=None)


@contextmanager
def running(programs: Path) -> Iterator[str]:
    """Start a server, yield the URL of its empty database, stop it and remove its files.

    Raises:
        subprocess.CalledProcessError: it did not start.
    """
    with tempfile.TemporaryDirectory(prefix="authsvc-bench-pg-", dir="/tmp") as folder:
        data, options = Path(folder) / "data", _ordinary_user(Path(folder))
        _run([programs / "initdb", "-D", data, "-U", "bench", "--auth=trust", "-E", "UTF8", "--no-sync"], options)
        sockets = f"-k {folder} -c listen_addresses=''"
        log = Path(folder) / "log"
        start: list[str | Path] = [
            programs / "pg_ctl",
            "-D",
            data,
            "-l",
            log,
            "-w",
            "-t",
            str(START_S),
            "-o",
            sockets,
            "start",
        ]
        _run(start, options)
        try:
            yield f"postgresql+psycopg://bench@/postgres?host={folder}"
        finally:
            _run([programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"], options)


def _run(command: Sequence[str | Path], options: dict[str, Any]) -> None:
    # Not piped: the server inherits what pg_ctl writes to, and would keep a pipe open.
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)


def _ordinary_user(folder: Path) -> dict[str, Any]:
    if os.geteuid() != 0:
        return {"cwd": folder}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = known.get("postgres") or known["nobody"]
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"cwd": folder, "user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
