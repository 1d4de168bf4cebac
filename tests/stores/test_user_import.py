"""`authsvc user import` on both databases: whole batches or nothing, once, and on from where it stopped."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner, Result

from authsvc.accounts.importing.store import Import, find_import
from authsvc.accounts.importing.tables import imported_accounts, imports
from authsvc.accounts.store import Account, Address, insert_account, insert_address
from authsvc.accounts.tables import accounts, addresses
from authsvc.cli.importing import plain, service
from authsvc.cli.importing.file import fingerprint
from authsvc.cli.importing.service import Importer, Refusal
from authsvc.cli.main import app
from authsvc.core.audit.service import Audit
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database
from authsvc.core.errors import BadInput, Conflict
from authsvc.core.ids import new_bytes, new_id
from authsvc.core.sealing.tables import personal_keys
from authsvc.factors.password.legacy.formats import Kind
from authsvc.factors.password.legacy.store import list_tariff
from authsvc.factors.password.store import Password, insert_password
from authsvc.factors.password.tables import passwords
from authsvc.tables import metadata
from tests.support.clocks import SettableClock

HASH = "$2b$06$CCCCCCCCCCCCCCCCCCCCC.flu1Gv69OE8XQBS4Bm1aHA6o5dN4y3."
BATCH = 10
ROWS = 35
ENVIRONMENT = {
    "AUTHSVC_ISSUER": "http://localhost:8000",
    "AUTHSVC_DEMO": "true",
    "AUTHSVC_SECRETS__MASTER_KEYS": f"k1:{base64.b64encode(bytes(32)).decode()}",
    "AUTHSVC_SECRETS__AUDIT_KEY": base64.b64encode(bytes(range(32))).decode(),
}


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "BATCH_ROWS", BATCH)


@pytest.fixture
def importer(database: Database, audit: Audit, clock: SettableClock) -> Importer:
    return Importer(database, audit, clock, "plain", plain.read, False)


def row(number: int, **changed: Any) -> dict[str, Any]:
    good = {"email": f"c{number}@example.org", "email_verified": True, "password_hash": HASH, "id": number}
    return good | changed


def write(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in rows))
    return path


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Thirty-five lines: three can't be taken, and one address comes twice."""
    rows: list[Any] = [row(number) for number in range(ROWS)]
    rows[3] = row(3, email="nobody")
    rows[17] = "no object"
    rows[18] = row(5, id=18)
    rows[34] = row(34, password_hash="$2x$")
    return write(tmp_path / "export.ndjson", rows)


def run(importer: Importer, path: Path, *, stop_after: int | None = None, again: bool = False) -> Import:
    """Import a file, or leave off after so many batches."""
    told: list[Refusal] = []
    with path.open("rb") as file:
        standing = importer.begin(file, path.stat().st_size, again=again)
        for count, step in enumerate(importer.run(file, standing, told.extend), start=1):
            standing = step.reached
            if count == stop_after:
                break
    return standing


def dump(database: Database, *but: str) -> dict[str, list[Any]]:
    with database.read() as connection:
        return {
            name: sorted(map(repr, connection.execute(select(table))))
            for name, table in metadata.tables.items()
            if name not in but
        }


def count(database: Database, table: Any) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def events(database: Database, tag: str) -> list[Mapping[str, Any]]:
    with database.read() as connection:
        query = select(audit_events.c.facts).where(audit_events.c.tag == tag).order_by(audit_events.c.id)
        return list(connection.execute(query).scalars())


def test_an_import_makes_accounts_with_their_address_hash_and_origin(
    database: Database, importer: Importer, export: Path, clock: SettableClock
) -> None:
    ended = run(importer, export)
    assert (ended.created, ended.existing, ended.refused, ended.line) == (31, 1, 3, 35)
    assert ended.finished_at is not None
    with database.read() as connection:
        query = select(
            accounts, addresses, passwords.c.hash, passwords.c.version, imported_accounts.c.source_id
        ).select_from(accounts.join(addresses).join(passwords).join(imported_accounts))
        found = {each.email: each for each in connection.execute(query)}
    assert len(found) == 31
    one = found["c7@example.org"]
    assert (one.hash, one.version, one.source_id, one.status, one.display_name) == (HASH, 1, "7", "active", "c7")
    assert (one.verified_at, one.verified_at_sign_up, one.created_at) == (clock.now(), False, clock.now())
    assert found["c5@example.org"].source_id == "5"  # the first of two
    assert count(database, personal_keys) == 0  # made when something personal is first sealed


def test_evidence_is_an_event_a_batch_with_counts_and_the_digest_of_its_lines(
    database: Database, importer: Importer, export: Path
) -> None:
    ended = run(importer, export)
    (begun,) = events(database, "cli:import:begun")
    assert begun["import"] == ended.id
    batches = events(database, "cli:import:batch")
    assert [each["lines"] for each in batches] == [[1, 10], [11, 20], [21, 30], [31, 35]]
    assert [each["created"] for each in batches] == [9, 8, 10, 4]
    assert [each["refused"] for each in batches] == [1, 1, 0, 1]
    assert len({each["sha256"] for each in batches}) == 4
    assert events(database, "cli:import:finished") == [{"import": ended.id, "created": 31, "existing": 1, "refused": 3}]
    assert "@" not in json.dumps([begun, *batches])


def test_everybody_pays_for_the_costliest_hash_of_each_kind(
    database: Database, importer: Importer, tmp_path: Path
) -> None:
    costlier = row(1, password_hash=HASH.replace("$06$", "$09$"))
    refused = row(2, password_hash=HASH.replace("$06$", "$10$"), email="nobody")
    other = row(3, password_hash="$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0")
    run(importer, write(tmp_path / "one.ndjson", [row(0), costlier, refused, other]))
    with database.read() as connection:
        assert list_tariff(connection) == {Kind.BCRYPT: 2**9, Kind.PHPASS: 2048}
    run(importer, write(tmp_path / "two.ndjson", [row(4)]))
    with database.read() as connection:
        assert list_tariff(connection) == {Kind.BCRYPT: 2**9, Kind.PHPASS: 2048}


def test_the_same_file_twice_changes_nothing(database: Database, importer: Importer, export: Path) -> None:
    first = run(importer, export)
    before = dump(database)
    assert run(importer, export) == first
    assert dump(database) == before


def test_a_file_read_again_from_the_beginning_makes_no_account(
    database: Database, importer: Importer, export: Path, clock: SettableClock
) -> None:
    first = run(importer, export)
    before = dump(database, "imports", "audit_events")
    clock.advance(hours=1)
    second = run(importer, export, again=True)
    assert (second.id, second.created, second.existing, second.refused) == (first.id, 0, 32, 3)
    assert dump(database, "imports", "audit_events") == before


def test_an_address_that_somebody_has_is_left_alone(
    database: Database, importer: Importer, export: Path, clock: SettableClock
) -> None:
    owner = Account(new_id("acc"), new_bytes(32), "Ada", "active", clock.now())
    with database.write() as connection:
        insert_account(connection, owner)
        insert_address(connection, Address(new_id("adr"), owner.id, "c7@example.org", clock.now(), True))
        insert_password(connection, Password(owner.id, "$argon2id$own", 4, clock.now()))
    ended = run(importer, export)
    assert (ended.created, ended.existing) == (30, 2)
    with database.read() as connection:
        kept = connection.execute(select(addresses.c.account_id).where(addresses.c.email == "c7@example.org"))
        assert kept.scalar_one() == owner.id
        hashes = connection.execute(select(passwords).where(passwords.c.account_id == owner.id)).one()
    assert (hashes.hash, hashes.version) == ("$argon2id$own", 4)


@pytest.mark.parametrize("stop_after", [1, 2, 3, 4])
def test_a_run_that_stopped_goes_on_where_it_stopped(
    database: Database, importer: Importer, export: Path, stop_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = run(importer, export, stop_after=stop_after)
    assert stopped.finished_at is None
    assert stopped.line == min(stop_after * BATCH, ROWS)
    read: list[int] = []
    real = service.read_lines

    def watched(file: Any, *, place: int, line: int) -> Iterator[Any]:
        for each in real(file, place=place, line=line):
            read.append(each.number)
            yield each

    monkeypatch.setattr(service, "read_lines", watched)
    ended = run(importer, export)
    assert read[0] == 1  # a look at the first line, whether the file is one of lines
    assert read[1:] == list(range(stopped.line + 1, ROWS + 1))
    assert (ended.created, ended.existing, ended.refused) == (31, 1, 3)
    assert count(database, accounts) == 31
    assert [each["lines"][0] for each in events(database, "cli:import:batch")] == [1, 11, 21, 31]


def test_a_batch_that_fails_leaves_nothing_of_it(
    database: Database, importer: Importer, export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(service, "raise_tariff", lambda *_: (_ for _ in ()).throw(OSError("the disk is full")))
        with pytest.raises(OSError, match="full"):
            run(importer, export)
    for table in (accounts, addresses, passwords, imported_accounts):
        assert count(database, table) == 0
    assert run(importer, export).created == 31


def test_two_runs_of_one_file_do_not_both_move_it_on(database: Database, importer: Importer, export: Path) -> None:
    size = export.stat().st_size
    with export.open("rb") as one, export.open("rb") as other:
        standing = importer.begin(one, size)
        first = importer.run(one, standing, list)
        second = importer.run(other, importer.begin(other, size), list)
        next(first)
        with pytest.raises(Conflict) as refusal:
            next(second)
    assert refusal.value.code == "import.overtaken"
    assert count(database, accounts) == 9
    assert len(events(database, "cli:import:batch")) == 1


def test_a_rehearsal_says_what_would_come_of_it_and_writes_nothing(
    database: Database, importer: Importer, export: Path
) -> None:
    before = dump(database)
    costs: Any = dict.fromkeys(Kind, 0)
    with export.open("rb") as file:
        *_, last = importer.rehearse(file, export.stat().st_size, costs)
    assert dump(database) == before
    said = last.reached
    done = run(importer, export)
    assert (said.created, said.existing, said.refused) == (done.created, done.existing, done.refused)
    assert costs[Kind.BCRYPT] == 2**6


@pytest.mark.parametrize("content", [b"[", b"[{}]", b"\n {\n", b'[{"email": "ada@example.org"}'])
def test_one_json_document_is_no_file_of_lines(importer: Importer, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "document.json"
    path.write_bytes(content)
    with pytest.raises(BadInput) as refusal:
        run(importer, path)
    assert refusal.value.code == "import.not_ndjson"


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_an_empty_file_is_imported_at_once(importer: Importer, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "empty.ndjson"
    path.write_bytes(content)
    ended = run(importer, path)
    assert (ended.created, ended.refused, ended.finished_at is None) == (0, 0, False)


# -- the command


@contextmanager
def environment(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    url = database.url.render_as_string(hide_password=False)
    with monkeypatch.context() as patched:
        for name, value in {**ENVIRONMENT, "AUTHSVC_DATABASE__URL": url}.items():
            patched.setenv(name, value)
        yield dict(os.environ)


@pytest.fixture
def command(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """command(*arguments) -> Result: `authsvc user …` on the test's database."""
    with environment(database, monkeypatch):

        def call(*arguments: object) -> Result:
            return CliRunner().invoke(app, ["user", *map(str, arguments)])

        yield call


def test_exit_codes_and_what_is_said(command: Any, export: Path, tmp_path: Path) -> None:
    rehearsed = command("import", "--dry-run", export)
    assert rehearsed.exit_code == 1
    assert "31 would be created, 1 there already, 3 refused, in 35 lines." in rehearsed.output
    assert "every password check would also pay: bcrypt 64" in rehearsed.output
    report = tmp_path / "refused.ndjson"
    some = command("import", "--report", report, export)
    assert some.exit_code == 1
    assert "line 4: import.address_invalid" in some.output
    assert "31 created, 1 there already, 3 refused, in 35 lines." in some.output
    assert [json.loads(each) for each in report.read_text().splitlines()] == [
        {"line": 4, "reason": "import.address_invalid"},
        {"line": 18, "reason": "import.not_json"},
        {"line": 35, "reason": "import.hash_malformed"},
    ]
    before = report.read_text()
    twice = command("import", "--report", report, export)
    assert twice.exit_code == 1
    assert "Nothing to do" in twice.output
    assert report.read_text() == before
    good = write(tmp_path / "good.ndjson", [row(100)])
    assert command("import", good).exit_code == 0
    assert command("import", tmp_path / "none.ndjson").exit_code == 2
    assert command("import", "--map", "okta", good).exit_code == 2


def test_who_was_who_can_be_told(command: Any, database: Database, export: Path) -> None:
    command("import", export)
    lines = [json.loads(each) for each in command("imported").output.splitlines()]
    assert {each["id"] for each in lines} == {str(number) for number in range(ROWS) if number not in (3, 17, 18, 34)}
    with database.read() as connection:
        assert {each["sub"] for each in lines} == set(connection.execute(select(accounts.c.id)).scalars())


def test_the_tariff_falls_when_the_last_hash_of_a_kind_was_used(
    command: Any, database: Database, tmp_path: Path
) -> None:
    other = row(3, password_hash="$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0")
    command("import", write(tmp_path / "two.ndjson", [row(0), row(1), other]))
    said = command("tariff").output
    assert "bcrypt: 2 hashes wait" in said
    assert "phpass: 1 hashes wait" in said
    with database.write() as connection:
        connection.execute(passwords.update().where(passwords.c.hash.startswith("$P$")).values(hash="$argon2id$new"))
    assert "phpass" not in command("tariff").output
    with database.read() as connection:
        assert list_tariff(connection) == {Kind.BCRYPT: 64}
    assert events(database, "cli:tariff:renewed")[-1] == {"bcrypt": 64}


def test_a_killed_import_goes_on_and_ends_as_if_nothing_had_happened(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    total = 12_000
    path = write(
        tmp_path / "many.ndjson",
        [row(number, email="x") if number % 400 == 7 else row(number) for number in range(total)],
    )
    report = tmp_path / "refused.ndjson"
    with path.open("rb") as file:
        known_by = fingerprint(file, path.stat().st_size, read_as="plain:False")
    with environment(database, monkeypatch) as variables:
        arguments = [sys.executable, "-m", "authsvc", "user", "import", "--report", str(report), str(path)]
        process = subprocess.Popen(arguments, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        standing = _wait_for_batches(database, known_by, process)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
        with database.read() as connection:
            standing = find_import(connection, known_by) or standing
        assert standing.finished_at is None
        assert 0 < standing.line < total
        assert count(database, accounts) == count(database, passwords) == standing.created
        with report.open("a") as torn:  # what the killed run said of a batch that it never committed
            torn.write(json.dumps({"line": total, "reason": "import.not_json"}) + "\n")
        ended = subprocess.run(arguments, env=variables, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 1, ended.stderr
    assert f"Going on after line {standing.line}." in ended.stderr
    assert "11970 created, 0 there already, 30 refused, in 12000 lines." in ended.stdout
    assert count(database, accounts) == count(database, passwords) == count(database, imported_accounts) == 11_970
    assert [json.loads(each)["line"] for each in report.read_text().splitlines()] == list(range(8, total, 400))
    batches = events(database, "cli:import:batch")
    assert sum(each["created"] for each in batches) == 11_970
    assert [each["lines"][0] for each in batches] == [1, *(each["lines"][1] + 1 for each in batches[:-1])]
    assert count(database, imports) == 1


def _wait_for_batches(database: Database, known_by: bytes, process: "subprocess.Popen[bytes]") -> Import:
    ends = time.monotonic() + 60
    while time.monotonic() < ends and process.poll() is None:
        with database.read() as connection:
            standing = find_import(connection, known_by)
        if standing is not None and standing.line >= 2000:
            return standing
        time.sleep(0.01)
    raise AssertionError("the import never got to its second batch, or ended before it could be killed")
