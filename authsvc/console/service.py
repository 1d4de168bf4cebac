"""The console's use cases: the list of risk decisions, and one of them opened.

Who may look, in this order:
1. a live staff session (the console's own sign-in makes one, and only after a passkey);
2. the role `analyst`, read from the database at every request, so that taking it away works at once.

Reading about customers is itself an act that leaves evidence: `console:decisions:viewed` with the filter that was used,
`console:decision:opened` with the decision. It is written before anything is shown; where it can't be written, nothing
is shown. Names of customers and the inputs of a decision are only read for what the page shows.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection

from authsvc.accounts.addresses import normalise
from authsvc.accounts.store import find_account_by_email, list_roles
from authsvc.console.filters import Filter, Place
from authsvc.console.store import (
    Event,
    ListedDecision,
    Person,
    list_client_names,
    list_decisions,
    list_events_around,
    list_people,
)
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import NotFound, NotSignedIn
from authsvc.core.origin import Origin
from authsvc.core.sealing.cipher import CannotOpen
from authsvc.core.sealing.service import Vault
from authsvc.risk.feedback.store import KeptLabel, find_label
from authsvc.risk.store import StoredDecision, find_decision

ANALYST = "analyst"
PAGE_ROWS = 50


class StaffMember(Protocol):
    """Who is behind a staff session."""

    @property
    def account_id(self) -> str: ...
    @property
    def display_name(self) -> str: ...
    @property
    def session_id(self) -> str: ...


class StaffSessions(Protocol):
    def find(self, secret: str | None, *, now: datetime) -> StaffMember | None:
        """Return who holds this console cookie; only of sessions that were opened with a passkey."""
        ...


@dataclass(frozen=True)
class NoPermission:
    """Signed in, but not an analyst. Recorded."""

    member: StaffMember


@dataclass(frozen=True)
class DecisionList:
    """One page of the list."""

    member: StaffMember
    asked: Filter
    rows: tuple[ListedDecision, ...]
    people: dict[str, Person]
    clients: dict[str, str]  # id -> name
    older: Place | None  # where the next page begins; None on the last
    unknown_account: bool  # the filter names an address that nobody has


@dataclass(frozen=True)
class OpenedDecision:
    """One decision with everything that explains it; `inputs` is None when its person was erased."""

    member: StaffMember
    decision: StoredDecision
    person: Person | None
    inputs: dict[str, Any] | None
    altered: bool  # the sealed inputs no longer open: somebody changed the row
    events: tuple[Event, ...]
    clients: dict[str, str]
    label: KeptLabel | None  # what was said of it since
    labelled_by: str | None  # the analyst's name


@dataclass(frozen=True)
class Console:
    """What analysts can do so far."""

    database: Database
    clock: Clock
    audit: Audit
    vault: Vault
    staff: StaffSessions

    def decisions(
        self, secret: str | None, asked: Filter, before: Place | None, *, origin: Origin
    ) -> DecisionList | NoPermission:
        """Return a page of decisions, newest first.

        Raises:
            NotSignedIn: no live staff session.
            BadInput: `account.address_invalid`: the filter's account can't be an e-mail address.
        """
        now = self.clock.now()
        member = self._member(secret, now)
        email = normalise(asked.account) if asked.account else None
        with self.database.read() as connection:
            if ANALYST not in list_roles(connection, member.account_id):
                return self._refuse(member, origin, now)
            account = find_account_by_email(connection, email) if email else None
            unknown = email is not None and account is None
            account_id = account.id if account else None
            rows = (
                []
                if unknown
                else list_decisions(
                    connection,
                    asked,
                    account_id=account_id,
                    since=asked.since(now),
                    before=before,
                    limit=PAGE_ROWS + 1,
                )
            )
            shown = tuple(rows[:PAGE_ROWS])
            people = list_people(connection, {row.account_id for row in shown if row.account_id})
            clients = list_client_names(connection)
        # Of an address only the account behind it, if any: facts are kept for ever.
        facts: dict[str, Any] = {
            "window": asked.window,
            "decision": asked.decision,
            "reason": asked.reason,
            "client": asked.client,
        }
        facts |= {"account": account_id, "by_account": email is not None, "shown": len(shown)}
        self.record("console:decisions:viewed", member, origin, now, facts)
        older = shown[-1].place if len(rows) > PAGE_ROWS else None
        return DecisionList(member, asked, shown, people, clients, older, unknown)

    def open_decision(self, secret: str | None, decision_id: str, *, origin: Origin) -> OpenedDecision | NoPermission:
        """Return one decision, its inputs opened.

        Raises:
            NotSignedIn: no live staff session.
            NotFound: `console.decision_unknown`.
        """
        now = self.clock.now()
        member = self._member(secret, now)
        with self.database.read() as connection:
            if ANALYST not in list_roles(connection, member.account_id):
                return self._refuse(member, origin, now)
            decision = find_decision(connection, decision_id)
            if decision is None:
                raise NotFound("console.decision_unknown", "There is no such decision.")
            subject = decision.account_id
            inputs, altered = self._inputs(connection, decision)
            person = list_people(connection, {subject}).get(subject) if subject else None
            events = tuple(list_events_around(connection, subject, decision.at)) if subject else ()
            clients = list_client_names(connection)
            label = find_label(connection, decision.id)
            analyst = label.labelled_by if label else None
            named = list_people(connection, {analyst}).get(analyst) if analyst else None
        facts = {"decision": decision.id, "subject": subject, "inputs": inputs is not None}
        self.record("console:decision:opened", member, origin, now, facts)
        by = named.display_name if named else None
        return OpenedDecision(member, decision, person, inputs, altered, events, clients, label, by)

    def analyst(self, secret: str | None, *, origin: Origin, now: datetime) -> StaffMember | NoPermission:
        """Return who is at work, if they may be here; a refusal is recorded. Raises NotSignedIn."""
        member = self._member(secret, now)
        with self.database.read() as connection:
            allowed = ANALYST in list_roles(connection, member.account_id)
        return member if allowed else self._refuse(member, origin, now)

    def _member(self, secret: str | None, now: datetime) -> StaffMember:
        member = self.staff.find(secret, now=now)
        if member is None:
            raise NotSignedIn("console.not_signed_in", "Sign in to the console first.")
        return member

    def _refuse(self, member: StaffMember, origin: Origin, now: datetime) -> NoPermission:
        self.record("console:access:refused", member, origin, now, {"lacks": ANALYST})
        return NoPermission(member)

    def _inputs(self, connection: Connection, decision: StoredDecision) -> tuple[dict[str, Any] | None, bool]:
        if decision.account_id is None:
            return None, False
        try:
            inputs: dict[str, Any] | None = self.vault.open_json_for(
                connection, decision.account_id, decision.inputs_sealed, context=f"risk_decisions:{decision.id}"
            )
        except CannotOpen:
            return None, True
        return inputs, False

    def record(self, tag: str, member: StaffMember, origin: Origin, now: datetime, facts: dict[str, Any]) -> None:
        """Leave evidence of what a member of staff looks at."""
        facts = {"session": member.session_id, **facts}
        with self.database.write() as connection:
            self.audit.record(connection, tag, now=now, account_id=member.account_id, origin=origin, facts=facts)
