"""Consents are to the words that were read: new words ask again, on both databases."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from authsvc.accounts.consents.service import WORDINGS, Consents, Purpose
from authsvc.accounts.store import Account, insert_account
from authsvc.accounts.tables import consents as table
from authsvc.core.audit.service import Audit
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database
from authsvc.core.ids import new_bytes, new_id
from authsvc.core.origin import Origin
from tests.support.clocks import SettableClock

HERE = Origin("req_test", "203.0.113.7", "test")


@pytest.fixture
def account_id(database: Database, clock: SettableClock) -> str:
    made = Account(new_id("acc"), new_bytes(32), "Ada", "active", clock.now())
    with database.write() as connection:
        insert_account(connection, made)
    return made.id


def new_words(monkeypatch: pytest.MonkeyPatch, purpose: Purpose) -> int:
    """Change the sense of a purpose's words; return their version."""
    changed = replace(WORDINGS[purpose], version=WORDINGS[purpose].version + 1)
    monkeypatch.setitem(WORDINGS, purpose, changed)
    return changed.version


def test_new_words_ask_again_and_taking_back_deletes_what_was_kept_under_the_old(
    database: Database, audit: Audit, account_id: str, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted: list[str] = []
    consents = Consents(audit, {Purpose.TYPING: lambda _, who: deleted.append(who)})
    with database.write() as connection:
        assert consents.give(connection, account_id, Purpose.TYPING, read=1, origin=HERE, now=clock.now())
        assert not consents.outdated(connection, account_id, Purpose.TYPING)
        assert new_words(monkeypatch, Purpose.TYPING) == 2
        assert not consents.given(connection, account_id, Purpose.TYPING)
        assert consents.outdated(connection, account_id, Purpose.TYPING)
        assert deleted == []  # nobody has taken anything back
        assert consents.withdraw(connection, account_id, Purpose.TYPING, origin=HERE, now=clock.now())
        assert not consents.outdated(connection, account_id, Purpose.TYPING)
    with database.read() as connection:
        withdrawn = connection.execute(
            select(audit_events.c.facts).where(audit_events.c.tag == "accounts:consent:withdrawn")
        ).scalar_one()
    assert deleted == [account_id]
    assert withdrawn == {"purpose": "typing", "version": 1}  # the words that were agreed to


def test_agreeing_anew_keeps_both_on_record_with_their_versions(
    database: Database, audit: Audit, account_id: str, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    consents = Consents(audit)
    with database.write() as connection:
        old = WORDINGS[Purpose.FACE].version
        consents.give(connection, account_id, Purpose.FACE, read=old, origin=HERE, now=clock.now())
        new = new_words(monkeypatch, Purpose.FACE)
        assert consents.give(connection, account_id, Purpose.FACE, read=new, origin=HERE, now=clock.now())
        assert not consents.outdated(connection, account_id, Purpose.FACE)
        assert sorted(connection.execute(select(table.c.version)).scalars()) == [old, new]


@pytest.mark.parametrize("read", [0, 2, -1])
def test_words_that_are_not_todays_are_not_agreed_to(
    database: Database, audit: Audit, account_id: str, clock: SettableClock, read: int
) -> None:
    consents = Consents(audit)
    with database.write() as connection:
        assert not consents.give(connection, account_id, Purpose.TYPING, read=read, origin=HERE, now=clock.now())
        assert not consents.given(connection, account_id, Purpose.TYPING)
        assert connection.execute(select(table)).first() is None
