"""Show an account's recent activity to its owner, and act on "this wasn't me".

The list is the account's own audit events of the last 90 days, those of them that mean something to a person
(sentences.py). What is personal in them (address, browser) is opened for this page only, under the account's own key.

"This wasn't me" does what the link in a warning does (login/alerts): every session ends, this one too, pending changes
stop, the strongest factor is asked for next, a password that somebody else may know has to be changed, and a case with
the event's id is opened for the security team. It takes
a live session and a confirmed press, no fresh proof: it only protects, and its owner may be in a hurry. Pressed twice
it opens one case.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from authsvc.accounts.store import lock_account
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import NotFound
from authsvc.core.origin import Origin
from authsvc.core.sealing.cipher import CannotOpen
from authsvc.core.sealing.service import Vault
from authsvc.login.account.activity.sentences import SENTENCES, Sentence, sentence_of
from authsvc.login.account.activity.store import Event, case_exists, find_event, list_activity
from authsvc.login.account.fresh.service import FreshProof
from authsvc.login.alerts.concern import concerns_password
from authsvc.login.alerts.service import NotMe
from authsvc.login.finish.service import device_label
from authsvc.risk.history.geo import Geo

WINDOW = timedelta(days=90)
PAGE_EVENTS = 20


@dataclass(frozen=True)
class ActivityLine:
    """One event as the page shows it."""

    id: str
    at: datetime
    sentence: Sentence
    browser: str | None
    country: str | None
    address: str | None
    asks_password: bool  # disowning it has the password changed
    times: int = 1  # how often it happened in a row, from the same browser and address


@dataclass(frozen=True)
class ActivityPage:
    """One page of the list, the newest first; `older` is the event after which the next page begins."""

    lines: tuple[ActivityLine, ...]
    older: str | None
    is_first: bool


@dataclass(frozen=True)
class Activity:
    """The page's use cases. `client_names` gives the clients' names by id; the journey doesn't know clients."""

    database: Database
    clock: Clock
    vault: Vault
    geo: Geo
    fresh: FreshProof
    not_me: NotMe
    client_names: Callable[[Connection], Mapping[str, str]]

    def show(self, secret: str | None, before: str = "") -> ActivityPage:
        """Return a page of the account's activity. Args: before is where the page before it ended.

        Raises:
            NotSignedIn: `account.not_signed_in`.
            NotFound: `account.event_unknown`: `before` is no event of this account.
        """
        now = self.clock.now()
        with self.database.read() as connection:
            owner = self.fresh.owner(connection, secret, now=now)
            last = self._event(connection, owner.id, before) if before else None
            clients = self.client_names(connection)
            events = list_activity(
                connection, owner.id, SENTENCES.keys(), since=now - WINDOW, before=last, limit=PAGE_EVENTS + 1
            )
            shown = events[:PAGE_EVENTS]
            lines = (self._line(connection, owner.id, event, clients) for event in shown)
            known = _together([line for line in lines if line is not None])
        older = shown[-1].id if len(events) > PAGE_EVENTS else None
        return ActivityPage(known, older, last is None)

    def open(self, secret: str | None, event_id: str) -> ActivityLine:
        """Return one event, to be disowned.

        Raises:
            NotSignedIn: `account.not_signed_in`.
            NotFound: `account.event_unknown`: there is none, it is somebody else's, or it can't be disowned.
        """
        now = self.clock.now()
        with self.database.read() as connection:
            owner = self.fresh.owner(connection, secret, now=now)
            return self._disownable(connection, owner.id, event_id, now)

    def disown(self, secret: str | None, event_id: str, *, origin: Origin) -> ActivityLine:
        """ "This wasn't me": protect the account, and return what was disowned. Raises: as `open`."""
        now = self.clock.now()
        with self.database.write() as connection:
            owner = self.fresh.owner(connection, secret, now=now)
            lock_account(connection, owner.id)  # of two presses one opens the case
            line = self._disownable(connection, owner.id, event_id, now)
            event = self._event(connection, owner.id, event_id)
            if not case_exists(connection, owner.id, event.id):
                self.not_me.shield(connection, owner.id, kind=event.tag, event_id=event.id, origin=origin, now=now)
            else:
                self.fresh.sessions.end_all(connection, owner.id, reason="not_me", origin=origin, now=now)
        return line

    def _disownable(self, connection: Connection, account_id: str, event_id: str, now: datetime) -> ActivityLine:
        event = self._event(connection, account_id, event_id)
        line = self._line(connection, account_id, event, self.client_names(connection))
        if line is None or not line.sentence.disownable or event.at < now - WINDOW:
            raise _unknown()
        return line

    def _event(self, connection: Connection, account_id: str, event_id: str) -> Event:
        event = find_event(connection, account_id, event_id)
        if event is None:
            raise _unknown()
        return event

    def _line(
        self, connection: Connection, account_id: str, event: Event, clients: Mapping[str, str]
    ) -> ActivityLine | None:
        sentence = sentence_of(event.tag, event.facts, clients)
        if sentence is None:
            return None
        personal = self._personal(connection, account_id, event)
        address, user_agent = personal.get("address"), personal.get("user_agent")
        return ActivityLine(
            event.id,
            event.at,
            sentence,
            device_label(user_agent) if user_agent else None,
            self.geo.country(address) if address else None,
            address,
            concerns_password(event.tag),
        )

    def _personal(self, connection: Connection, account_id: str, event: Event) -> Mapping[str, Any]:
        if event.sealed is None:
            return {}
        try:
            opened: Mapping[str, Any] | None = self.vault.open_json_for(
                connection, account_id, event.sealed, context=f"audit_events:{event.id}"
            )
        except CannotOpen:
            return {}
        return opened or {}


def _together(lines: list[ActivityLine]) -> tuple[ActivityLine, ...]:
    """Return the lines, a row of the same mishaps from one place as one line: the newest of them, and how many."""
    merged: list[ActivityLine] = []
    for line in lines:
        last = merged[-1] if merged else None
        same = last is not None and (last.sentence, last.browser, last.address) == (
            line.sentence,
            line.browser,
            line.address,
        )
        if last is not None and same and line.sentence.bad:
            merged[-1] = replace(last, times=last.times + 1)
        else:
            merged.append(line)
    return tuple(merged)


def _unknown() -> NotFound:
    return NotFound("account.event_unknown", "There is no such event in your activity.")
