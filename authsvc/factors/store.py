"""SQL for failed tries of typed factors."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, update

from authsvc.accounts.levels import ProofKind
from authsvc.core.database import insert_into
from authsvc.factors.tables import typed_tries
from authsvc.factors.tries import blocked_until, refused


@dataclass(frozen=True)
class Try:
    """A claimed try: taken, or told to wait, or refused for good. `failures` counts it, if it was taken."""

    failures: int
    wait_until: datetime | None = None
    refused: bool = False

    @property
    def taken(self) -> bool:
        return self.wait_until is None and not self.refused


def claim_typed_try(connection: Connection, account_id: str, kind: ProofKind, now: datetime) -> Try:
    """Count a try before it is compared, unless it comes too early: N at once pass one after the other, and count as N.

    The bucket's row is made or locked by one upsert. A try that is told to wait does not count: an impatient owner
    would never get in.
    """
    failures, last_failed_at = _locked(connection, account_id, kind, now)
    if refused(failures):
        return Try(failures, refused=True)
    until = blocked_until(failures, last_failed_at)
    if failures and now < until:
        return Try(failures, wait_until=until)
    return Try(_count(connection, account_id, kind, failures, now))


def count_typed_failure(connection: Connection, account_id: str, kind: ProofKind, now: datetime) -> int:
    """Count a failure of a factor that makes nobody wait; return how many there were in a row."""
    failures, _ = _locked(connection, account_id, kind, now)
    return _count(connection, account_id, kind, failures, now)


def clear_typed_tries(connection: Connection, account_id: str, kind: ProofKind) -> None:
    """Forget the failures: a right one was typed, or the factor was set up anew or removed."""
    connection.execute(
        delete(typed_tries).where(typed_tries.c.account_id == account_id, typed_tries.c.kind == kind.value)
    )


def _locked(connection: Connection, account_id: str, kind: ProofKind, now: datetime) -> tuple[int, datetime]:
    locked = (
        insert_into(connection, typed_tries)
        .values(account_id=account_id, kind=kind.value, failures=0, last_failed_at=now)
        .on_conflict_do_update(index_elements=["account_id", "kind"], set_={"kind": kind.value})
        .returning(typed_tries.c.failures, typed_tries.c.last_failed_at)
    )
    row = connection.execute(locked).one()
    return row.failures, row.last_failed_at


def _count(connection: Connection, account_id: str, kind: ProofKind, failures: int, now: datetime) -> int:
    connection.execute(
        update(typed_tries)
        .where(typed_tries.c.account_id == account_id, typed_tries.c.kind == kind.value)
        .values(failures=failures + 1, last_failed_at=now)
    )
    return failures + 1
