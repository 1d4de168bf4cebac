"""Rows a second that `authsvc user import` takes into an empty database of either kind, and the cost of old hashes.

The rows are of our own format with bcrypt hashes; none is computed at import, so their kind makes no difference. Wall
time depends on what else the machine does; processor time doesn't, so both are given.
"""

import base64
import json
import statistics
import tempfile
import time
from pathlib import Path

from authsvc.cli.bench.postgresql import find_programs, running
from authsvc.cli.importing import plain
from authsvc.cli.importing.service import Importer
from authsvc.core.audit.service import Audit
from authsvc.core.clock import SystemClock
from authsvc.core.database import Database
from authsvc.core.ids import new_bytes
from authsvc.core.migrations import upgrade
from authsvc.core.sealing.cipher import Keyring
from authsvc.core.sealing.service import Vault
from authsvc.factors.password.legacy.formats import Kind, Work
from authsvc.factors.password.legacy.hashes import spend

ROWS = 50_000
TIMES = 5
# What the systems of the guide use by default.
CHECKS = {
    "phpass_8192_rounds": Work(Kind.PHPASS, 8192),
    "bcrypt_cost_10": Work(Kind.BCRYPT, 2**10),
    "bcrypt_cost_12": Work(Kind.BCRYPT, 2**12),
    "pbkdf2_sha1_1300000": Work(Kind.PBKDF2_SHA1, 1_300_000),
    "pbkdf2_sha256_600000": Work(Kind.PBKDF2_SHA256, 600_000),
    "pbkdf2_sha512_210000": Work(Kind.PBKDF2_SHA512, 210_000),
    "scrypt_32_mib": Work(Kind.SCRYPT, 32 * 2**20),
    "argon2_64_mib_3_passes": Work(Kind.ARGON2, 3 * 65_536),
}


def measure_imports() -> dict[str, object]:
    """Return rows a second and processor time a thousand rows by database, and milliseconds a check by kind of hash.

    PostgreSQL is measured where the machine has its programs; its own processes' time is not in `cpu_ms`.
    """
    with tempfile.TemporaryDirectory(prefix="authsvc-bench-") as folder:
        path = Path(folder) / "customers.ndjson"
        path.write_text("".join(json.dumps(_row(number)) + "\n" for number in range(ROWS)))
        figures = {"sqlite": _measure(path, f"sqlite:///{folder}/bench.sqlite3")}
        programs = find_programs()
        if programs is not None:
            with running(programs) as url:
                figures["postgresql"] = _measure(path, url)
    return {
        "import_rows": ROWS,
        "import": figures,
        "legacy_check_ms": {name: _median_ms(work) for name, work in CHECKS.items()},
    }


def _measure(path: Path, url: str) -> dict[str, int]:
    upgrade(url)
    database = Database(url, pool_size=1)
    audit = Audit(Vault(Keyring({"bench": new_bytes(32)}, current="bench")))
    importer = Importer(database, audit, SystemClock(), "plain", plain.read, trust_addresses=False)
    wall, cpu = time.perf_counter(), time.process_time()
    with path.open("rb") as file:
        *_, last = importer.run(file, importer.begin(file, path.stat().st_size), lambda _: None)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    database.dispose()
    created = last.reached.created
    return {
        "rows": created,
        "rows_per_s": round(created / wall),
        "cpu_ms_per_1000_rows": round(cpu * 1e6 / created),
    }


def _row(number: int) -> dict[str, object]:
    made = base64.b64encode(new_bytes(39), altchars=b"./").decode()
    return {
        "email": f"customer{number}@mail{number % 97}.example.org",
        "email_verified": True,
        "name": f"Customer {number}",
        "id": number,
        "password_hash": f"$2b$10${made[:21]}O{made[21:51]}u",
    }


def _median_ms(work: Work) -> float:
    times = []
    for _ in range(TIMES):
        begun = time.thread_time()
        spend(work, "four words and a number 7")
        times.append(time.thread_time() - begun)
    return round(statistics.median(times) * 1000, 1)
