"""Import another system's customers: the use case.

Rows are taken in batches. One transaction holds a batch's accounts, its evidence, and how far the file was read; so a
run that is stopped, or killed, leaves whole batches, and the next one goes on at that byte. Two runs of one file can't
both move it on: the second finds that it does not stand where it left it, and rolls back.

A row whose address somebody has is counted and left alone, never overwritten: the same file twice changes nothing.

Evidence is one event a batch: counts, the range of lines, and SHA-256 of those lines, so that a kept file shows what
was imported; the batch's accounts carry the event's time. An event for each of a million accounts would keep the
sealer busy for an hour and say no more; their personal keys are made when something personal is first sealed.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from io import BufferedReader

from sqlalchemy import Connection

from authsvc.accounts.importing.store import (
    Import,
    NewAccount,
    advance_import,
    find_import,
    forget_retired,
    insert_accounts,
    insert_import,
    list_taken,
)
from authsvc.accounts.store import Account, Address
from authsvc.cli.importing.file import Line, fingerprint, read_lines
from authsvc.cli.importing.row import Checked, Map, read_line
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import BadInput, Conflict
from authsvc.core.ids import new_bytes, new_id
from authsvc.factors.password.legacy.formats import Kind
from authsvc.factors.password.legacy.store import insert_passwords, raise_tariff
from authsvc.factors.password.store import Password

BATCH_ROWS = 1000  # some 200 ms of SQLite's write lock on two busy cores; a sign-in waits 5 s for it at most
USER_HANDLE_BYTES = 32

NOT_LINES = (b"[", b"{")  # a line that begins a JSON document instead of holding one


@dataclass(frozen=True)
class Refusal:
    """A row that was not taken: its line and a stable reason, nothing of what it says."""

    line: int
    reason: str


Report = Callable[[Iterable[Refusal]], None]


@dataclass(frozen=True)
class Batch:
    """What a batch of lines came to."""

    lines: tuple[Line, ...]
    rows: tuple[Checked, ...]
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True)
class Step:
    """How far an import is, and what the last batch refused."""

    reached: Import
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True)
class Importer:
    """Reads one file after the other."""

    database: Database
    audit: Audit
    clock: Clock
    map_name: str
    read: Map
    trust_addresses: bool

    def begin(self, file: BufferedReader, size: int, *, again: bool = False) -> Import:
        """Return where the import of this file stands; begin it when it was never begun, or is to be read again.

        Raises:
            BadInput: `import.not_ndjson`.
        """
        self._look_at(file)
        now = self.clock.now()
        print_ = fingerprint(file, size, read_as=f"{self.map_name}:{self.trust_addresses}")
        with self.database.write() as connection:
            known = find_import(connection, print_)
            if known is not None and not again:
                return known
            begun = Import(new_id("imp"), print_, self.map_name, self.trust_addresses, size, now)
            if known is not None:
                begun = replace(begun, id=known.id)
                self._advance(connection, known, begun)
            elif not insert_import(connection, begun):
                raise _overtaken()
            facts = {"import": begun.id, "map": self.map_name, "size": size, "trusts_addresses": self.trust_addresses}
            self.audit.record(connection, "cli:import:begun", now=now, facts=facts)
        return begun

    def run(
        self, file: BufferedReader, standing: Import, report: Callable[[Iterable[Refusal]], None]
    ) -> Iterator[Step]:
        """Take the rest of the file, a batch a step.

        Args:
            report: is told of a batch's refusals before the batch is committed.

        Raises:
            Conflict: `import.overtaken`: another run is at the same file.
        """
        for batch in batches(file, standing, self.read, trust_addresses=self.trust_addresses):
            now = self.clock.now()
            report(batch.refusals)
            with self.database.write() as connection:
                standing = self._keep(connection, standing, batch, now)
            yield Step(standing, batch.refusals)
        if standing.finished_at is None:
            now = self.clock.now()
            with self.database.write() as connection:
                standing = self._advance(connection, standing, replace(standing, place=standing.size, finished_at=now))
                facts = {"import": standing.id, **_counts(standing)}
                self.audit.record(connection, "cli:import:finished", now=now, facts=facts)
        yield Step(standing, ())

    def rehearse(self, file: BufferedReader, size: int, costs: Counter[Kind]) -> Iterator[Step]:
        """Read the whole file and write nothing: yield what would come of it, and collect the highest costs."""
        self._look_at(file)
        standing = Import("", b"", self.map_name, self.trust_addresses, size, self.clock.now())
        seen: set[int] = set()  # hashes of addresses take a tenth of their memory
        for batch in batches(file, standing, self.read, trust_addresses=self.trust_addresses):
            with self.database.read() as connection:
                taken = list_taken(connection, [row.email for row in batch.rows])
            created = 0
            for row in batch.rows:
                if row.email not in taken and hash(row.email) not in seen:
                    created += 1
                    costs[row.work.kind] = max(costs[row.work.kind], row.work.units)
                seen.add(hash(row.email))
            standing = _after(standing, batch, created)
            yield Step(standing, batch.refusals)

    def _look_at(self, file: BufferedReader) -> None:
        first = next(read_lines(file, place=0, line=0), None)
        if first is not None and first.text is not None and (first.text in NOT_LINES or first.text.startswith(b"[")):
            raise BadInput(
                "import.not_ndjson",
                "The file is one JSON document. Cut it into one customer a line, such as with jq -c '.[]'.",
            )

    def _keep(self, connection: Connection, standing: Import, batch: Batch, now: datetime) -> Import:
        emails = [row.email for row in batch.rows]
        forget_retired(connection, emails, now)
        taken = list_taken(connection, emails)
        fresh: dict[str, Checked] = {}
        for row in batch.rows:
            if row.email not in taken:
                fresh.setdefault(row.email, row)
        new = [_new_account(row, now) for row in fresh.values()]
        created = insert_accounts(connection, new, standing.id)
        kept = [
            (each.account.id, row) for each, row in zip(new, fresh.values(), strict=True) if each.account.id in created
        ]
        if kept:
            passwords = [Password(account_id, row.password_hash, 1, now) for account_id, row in kept]
            insert_passwords(connection, passwords)
            costs: Counter[Kind] = Counter()
            for _, row in kept:
                costs[row.work.kind] = max(costs[row.work.kind], row.work.units)
            raise_tariff(connection, costs, now)
        after = self._advance(connection, standing, _after(standing, batch, len(created)))
        digest = hashlib.sha256(b"\n".join(line.text or b"" for line in batch.lines)).hexdigest()
        facts = {
            "import": standing.id,
            "lines": [batch.lines[0].number, batch.lines[-1].number],
            "sha256": digest,
            "created": len(created),
            "existing": len(batch.rows) - len(created),
            "refused": len(batch.refusals),
        }
        self.audit.record(connection, "cli:import:batch", now=now, facts=facts)
        return after

    def _advance(self, connection: Connection, before: Import, after: Import) -> Import:
        if not advance_import(connection, before, after):
            raise _overtaken()
        return after


def batches(file: BufferedReader, standing: Import, read: Map, *, trust_addresses: bool) -> Iterator[Batch]:
    """Yield the file's lines from where it stands, read, BATCH_ROWS at a time."""
    lines: list[Line] = []
    for line in read_lines(file, place=standing.place, line=standing.line):
        lines.append(line)
        if len(lines) == BATCH_ROWS:
            yield _read(lines, read, trust_addresses=trust_addresses)
            lines = []
    if lines:
        yield _read(lines, read, trust_addresses=trust_addresses)


def _read(lines: list[Line], read: Map, *, trust_addresses: bool) -> Batch:
    rows, refusals = [], []
    for line in lines:
        if line.text is None:
            refusals.append(Refusal(line.number, "import.line_too_long"))
            continue
        try:
            rows.append(read_line(line.text, read, trust_addresses=trust_addresses))
        except BadInput as problem:
            refusals.append(Refusal(line.number, problem.code))
    return Batch(tuple(lines), tuple(rows), tuple(refusals))


def _new_account(row: Checked, now: datetime) -> NewAccount:
    account = Account(new_id("acc"), new_bytes(USER_HANDLE_BYTES), row.name, "frozen" if row.frozen else "active", now)
    # Verified elsewhere, before; here it counts from now, so that a mailbox proves nothing for the first 24 hours.
    address = Address(new_id("adr"), account.id, row.email, verified_at=now, verified_at_sign_up=False)
    return NewAccount(account, address, row.source_id)


def _after(standing: Import, batch: Batch, created: int) -> Import:
    last = batch.lines[-1]
    return replace(
        standing,
        place=last.end,
        line=last.number,
        created=standing.created + created,
        existing=standing.existing + len(batch.rows) - created,
        refused=standing.refused + len(batch.refusals),
    )


def _counts(standing: Import) -> dict[str, int]:
    return {"created": standing.created, "existing": standing.existing, "refused": standing.refused}


def _overtaken() -> Conflict:
    return Conflict("import.overtaken", "Another run is importing the same file. This one changed nothing more.")
