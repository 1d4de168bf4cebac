"""The list of cases, and marking one as handled. Who may look, and that looking leaves evidence: console/service.py.

Handling says who looked and what they found; it changes nothing of the account. Of two analysts who handle one case
the first one's note stays.
"""

from dataclasses import dataclass

from authsvc.accounts.alerts.service import WHAT_HAPPENED, AlertKind
from authsvc.console.cases.store import (
    Case,
    case_exists,
    count_open_cases,
    handle_case,
    list_handled_cases,
    list_open_cases,
)
from authsvc.console.service import Console, NoPermission, StaffMember
from authsvc.console.store import Person, list_people
from authsvc.core.errors import BadInput, NotFound
from authsvc.core.origin import Origin
from authsvc.login.account.activity.sentences import sentence_of

MOST_OPEN = 100
MOST_HANDLED = 20
MAX_NOTE = 500


@dataclass(frozen=True)
class CaseList:
    """What the page shows."""

    member: StaffMember
    open: tuple[Case, ...]
    waiting: int  # also those beyond the first hundred
    handled: tuple[Case, ...]
    people: dict[str, Person]


@dataclass(frozen=True)
class Cases:
    """What analysts do with cases."""

    console: Console

    def list(self, secret: str | None, *, origin: Origin) -> CaseList | NoPermission:
        """Return the cases. Raises NotSignedIn: no live staff session."""
        console, now = self.console, self.console.clock.now()
        member = console.analyst(secret, origin=origin, now=now)
        if isinstance(member, NoPermission):
            return member
        with console.database.read() as connection:
            waiting = tuple(list_open_cases(connection, limit=MOST_OPEN))
            handled = tuple(list_handled_cases(connection, limit=MOST_HANDLED))
            count = count_open_cases(connection)
            named = {case.account_id for case in waiting + handled}
            people = list_people(connection, named | {case.handled_by for case in handled if case.handled_by})
        console.record("console:cases:viewed", member, origin, now, {"open": count, "shown": len(waiting + handled)})
        return CaseList(member, waiting, count, handled, people)

    def handle(self, secret: str | None, case_id: str, note: str, *, origin: Origin) -> NoPermission | None:
        """Mark a case as handled; a second press changes nothing.

        Raises:
            NotSignedIn: no live staff session.
            BadInput: `console.note_invalid`.
            NotFound: `console.case_unknown`.
        """
        console, now = self.console, self.console.clock.now()
        member = console.analyst(secret, origin=origin, now=now)
        if isinstance(member, NoPermission):
            return member
        tidy = " ".join(note.split())
        if not 1 <= len(tidy) <= MAX_NOTE or not tidy.isprintable():
            raise BadInput("console.note_invalid", f"Please say in 1 to {MAX_NOTE} characters what you found.")
        with console.database.write() as connection:
            if "\x00" in case_id or not case_exists(connection, case_id):
                raise NotFound("console.case_unknown", "There is no such case.")
            if handle_case(connection, case_id, by=member.account_id, note=tidy, now=now):
                console.audit.record(
                    connection,
                    "console:case:handled",
                    now=now,
                    account_id=member.account_id,
                    origin=origin,
                    facts={"session": member.session_id, "case": case_id},
                )
        return None


def what_happened(case: Case) -> str:
    """Return what the customer disowned, in words."""
    if case.event_id is None:
        return WHAT_HAPPENED[AlertKind(case.kind)] if case.kind in set(AlertKind) else case.kind
    sentence = sentence_of(case.kind, {}, {})
    return sentence.text if sentence else case.kind
