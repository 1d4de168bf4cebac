"""Sessions: what a browser holds after a sign-in, and what was proven in it.

The cookie's value is 256 random bits; only its hash is stored. The value is new at sign-in and at each raise of level,
so that a value fixed or stolen before is worth nothing after. A customer's session ends after 14 days without use and
after 90 in any case; a console session much sooner (settings).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from authsvc.accounts.levels import Level, ProofKind, amr_now, level_now
from authsvc.accounts.tables import session_proofs, sessions
from authsvc.core.audit.service import Audit
from authsvc.core.database import written_once
from authsvc.core.ids import hash_secret, new_id, new_secret
from authsvc.core.origin import Origin
from authsvc.settings import SessionSettings

KEPT_AFTER_END = timedelta(days=90)  # as long as the owner can look back at what happened
TOUCH_EVERY = timedelta(minutes=1)  # one write a minute and session, not one a request


# Built once: every request of a signed-in person asks these.
_INSERT = insert(sessions)
_WITH_PROOFS = select(sessions, session_proofs.c.kind.label("proof"), session_proofs.c.proven_at).outerjoin_from(
    sessions, session_proofs, session_proofs.c.session_id == sessions.c.id
)
_FIND_BY_SECRET = _WITH_PROOFS.where(sessions.c.secret_hash == bindparam("hashed"))
_FIND_BY_ID = _WITH_PROOFS.where(sessions.c.id == bindparam("session_id"))

_WRITE_PROOF = written_once(
    session_proofs,
    lambda made: made.on_conflict_do_update(
        index_elements=["session_id", "kind"], set_={"proven_at": made.excluded.proven_at}
    ),
)


@dataclass(frozen=True)
class Session:
    """A live session; `proofs` says what was proven in it, and when."""

    id: str
    account_id: str
    device_id: str | None
    kind: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    flagged_at: datetime | None
    proofs: Mapping[ProofKind, datetime]


@dataclass(frozen=True)
class Sessions:
    """Opens, finds, raises and ends sessions, inside the caller's transaction."""

    settings: SessionSettings
    audit: Audit

    @property
    def raised(self) -> timedelta:
        """How long a level above pwd lasts."""
        return timedelta(minutes=self.settings.raised_minutes)

    def level(self, session: Session, *, now: datetime) -> Level:
        """Return what the session's proofs are worth now."""
        return level_now(session.proofs, now=now, raised=self.raised)

    def amr(self, session: Session, *, now: datetime) -> tuple[str, ...]:
        """Return how the session was proven, in the words of RFC 8176."""
        return amr_now(session.proofs, now=now, raised=self.raised)

    def open(
        self,
        connection: Connection,
        *,
        account_id: str,
        device_id: str | None,
        kind: str,
        proofs: Mapping[ProofKind, datetime],
        origin: Origin,
        now: datetime,
    ) -> tuple[Session, str]:
        """Begin a session; return it with the secret for the cookie."""
        secret = new_secret()
        lifetime = (
            timedelta(hours=self.settings.staff_hours)
            if kind == "staff"
            else timedelta(days=self.settings.absolute_days)
        )
        session = Session(
            new_id("ses"), account_id, device_id, kind, now, now, now + lifetime, None, None, dict(proofs)
        )
        connection.execute(
            _INSERT,
            {
                "id": session.id,
                "secret_hash": hash_secret(secret),
                "account_id": account_id,
                "device_id": device_id,
                "kind": kind,
                "created_at": now,
                "last_seen_at": now,
                "expires_at": session.expires_at,
            },
        )
        _write_proofs(connection, session.id, proofs)
        self.audit.record(
            connection,
            "accounts:session:opened",
            now=now,
            account_id=account_id,
            origin=origin,
            facts={"session": session.id, "kind": kind, "amr": list(self.amr(session, now=now))},
        )
        return session, secret

    def find_live(
        self, connection: Connection, secret: str | None, *, kind: str = "customer", now: datetime
    ) -> Session | None:
        """Return the session behind a cookie's value, unless it ended, expired or lay idle too long."""
        if not secret:
            return None
        rows = connection.execute(_FIND_BY_SECRET, {"hashed": hash_secret(secret)}).all()
        return self._live(rows, now) if rows and rows[0].kind == kind else None

    def find_live_by_id(self, connection: Connection, session_id: str, *, now: datetime) -> Session | None:
        """Return a session that has not ended, by the id that a code, a token or a ticket keeps."""
        rows = connection.execute(_FIND_BY_ID, {"session_id": session_id}).all()
        return self._live(rows, now) if rows else None

    def is_stale(self, session: Session, *, now: datetime) -> bool:
        """Return whether the session's last use is worth writing again; at most once a minute."""
        return now - session.last_seen_at >= TOUCH_EVERY

    def touch(self, connection: Connection, session: Session, *, now: datetime) -> None:
        """Note that the session is in use."""
        if self.is_stale(session, now=now):
            connection.execute(update(sessions).where(sessions.c.id == session.id).values(last_seen_at=now))

    def raise_level(
        self,
        connection: Connection,
        session: Session,
        proofs: Mapping[ProofKind, datetime],
        *,
        origin: Origin,
        now: datetime,
    ) -> tuple[Session, str]:
        """Add proofs to a session; return it with its new secret, the old one opens nothing any more."""
        secret = new_secret()
        connection.execute(
            update(sessions)
            .where(sessions.c.id == session.id)
            .values(secret_hash=hash_secret(secret), last_seen_at=now)
        )
        _write_proofs(connection, session.id, proofs)
        merged = {**session.proofs, **proofs}
        self.audit.record(
            connection,
            "accounts:session:raised",
            now=now,
            account_id=session.account_id,
            origin=origin,
            facts={"session": session.id, "amr": list(amr_now(merged, now=now, raised=self.raised))},
        )
        return Session(**{**session.__dict__, "proofs": merged, "last_seen_at": now}), secret

    def end(
        self, connection: Connection, session_id: str, *, reason: str, origin: Origin | None, now: datetime
    ) -> bool:
        """End one session; False when it had ended before."""
        return bool(self._end(connection, [sessions.c.id == session_id], reason, origin, now))

    def end_all(
        self, connection: Connection, account_id: str, *, reason: str, origin: Origin | None, now: datetime
    ) -> int:
        """End every session of an account; return how many."""
        return self._end(connection, [sessions.c.account_id == account_id], reason, origin, now)

    def flag(self, connection: Connection, session_id: str, *, now: datetime) -> None:
        """Mark a session whose refresh token was used twice."""
        connection.execute(update(sessions).where(sessions.c.id == session_id).values(flagged_at=now))

    def _end(
        self,
        connection: Connection,
        conditions: Iterable[Any],
        reason: str,
        origin: Origin | None,
        now: datetime,
    ) -> int:
        ended = connection.execute(
            update(sessions)
            .where(*conditions, sessions.c.ended_at.is_(None))
            .values(ended_at=now, end_reason=reason)
            .returning(sessions.c.id, sessions.c.account_id)
        ).all()
        for row in ended:
            self.audit.record(
                connection,
                "accounts:session:ended",
                now=now,
                account_id=row.account_id,
                origin=origin,
                facts={"session": row.id, "reason": reason},
            )
        return len(ended)

    def _live(self, rows: Sequence[Row[Any]], now: datetime) -> Session | None:
        row = rows[0]  # the session's columns are in each
        idle = (
            timedelta(minutes=self.settings.staff_idle_minutes)
            if row.kind == "staff"
            else timedelta(days=self.settings.idle_days)
        )
        if row.ended_at is not None or row.expires_at <= now or row.last_seen_at + idle <= now:
            return None
        return Session(
            row.id,
            row.account_id,
            row.device_id,
            row.kind,
            row.created_at,
            row.last_seen_at,
            row.expires_at,
            row.ended_at,
            row.flagged_at,
            {ProofKind(each.proof): each.proven_at for each in rows if each.proof is not None},
        )


def sweep_sessions(connection: Connection, now: datetime) -> None:
    """Drop sessions, and with them their tokens, that could not be used for long."""
    connection.execute(delete(sessions).where(sessions.c.expires_at < now - KEPT_AFTER_END))


def _write_proofs(connection: Connection, session_id: str, proofs: Mapping[ProofKind, datetime]) -> None:
    for kind, proven_at in proofs.items():
        values = {"session_id": session_id, "kind": kind.value, "proven_at": proven_at}
        connection.execute(_WRITE_PROOF[connection.dialect.name], values)
