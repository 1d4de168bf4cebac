"""The check of the audit trail, on both databases: every way of tampering is named, at its first row."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from authsvc.core.audit.chain import GENESIS, ChainKeys, from_log, link, sign_checkpoint
from authsvc.core.audit.sealer import Sealer
from authsvc.core.audit.store import find_checkpoint, list_checkpoints, list_events, list_links
from authsvc.core.audit.tables import audit_checkpoints, audit_events, audit_links
from authsvc.core.audit.triggers import REFUSAL
from authsvc.core.audit.verify import Defect, verify
from authsvc.core.errors import NotFound
from authsvc.core.origin import Origin
from tests.support.audit_trail import AUDIT_KEY, as_attacker, cut_after
from tests.support.clocks import START

OTHER_KEY = bytes(32)
ORIGIN = Origin(request_id="req_1", address="203.0.113.9", user_agent="Firefox")


@pytest.fixture
def sealer(database, clock) -> Sealer:
    return Sealer(database, AUDIT_KEY, clock)


@pytest.fixture
def log_lines():
    """log_lines() returns what the log stream holds so far."""
    with capture_logs() as entries:
        yield lambda: [json.dumps(entry) for entry in entries]


@pytest.fixture
def write(database, audit, clock):
    """write(n) appends n events, one transaction each, and returns their ids."""

    def write(count: int, **values) -> list[str]:
        ids = []
        for number in range(count):
            with database.write() as connection:
                facts = {"number": number}
                ids.append(audit.record(connection, "test:event:written", now=clock.now(), facts=facts, **values))
            clock.advance(seconds=1)
        return ids

    return write


@pytest.fixture
def sealed(write, sealer, log_lines):
    """Ten events in two batches, so with checkpoints after 6 and 10."""
    ids = write(6)
    assert sealer.run_once() == 6
    ids += write(4)
    assert sealer.run_once() == 4
    return ids


def problem(database, **options):
    report = verify(database, AUDIT_KEY, **options)
    assert report.problem is not None
    return report.problem


def test_an_untouched_chain_holds(database, sealed):
    report = verify(database, AUDIT_KEY)
    assert report.holds
    assert (report.verified, report.checkpoints, report.unsealed) == (10, 2, 0)


def test_an_empty_trail_holds(database):
    report = verify(database, AUDIT_KEY)
    assert (report.holds, report.verified, report.unsealed) == (True, 0, 0)


def test_what_is_not_sealed_yet_is_reported(database, sealed, write, clock):
    since = clock.now()
    write(3)
    report = verify(database, AUDIT_KEY)
    assert (report.holds, report.verified, report.unsealed, report.oldest_unsealed_at) == (True, 10, 3, since)


@pytest.mark.parametrize("verb", ["update", "delete"])
def test_the_database_refuses_to_change_events(database, sealed, verb):
    change = {
        "update": update(audit_events).values(tag="test:event:denied"),
        "delete": delete(audit_events),
    }[verb]
    with pytest.raises(DBAPIError, match=REFUSAL), database.write() as connection:
        if verb == "delete":
            connection.execute(delete(audit_links))  # so that the foreign key is not what refuses
        connection.execute(change)
    assert verify(database, AUDIT_KEY).verified == 10


@pytest.mark.postgresql
def test_postgresql_refuses_to_truncate_events(postgresql_only_database):
    with pytest.raises(DBAPIError, match=REFUSAL), postgresql_only_database.write() as connection:
        connection.exec_driver_sql("TRUNCATE audit_events CASCADE")


@pytest.mark.parametrize(
    "change",
    [
        {"tag": "test:event:denied"},
        {"facts": {"number": 41}},
        {"at": START - timedelta(days=1)},
        {"account_id": "acc_other"},
        {"request_id": "req_other"},
        {"sealed": b"other"},
        {"event_id": "evt_other"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_edited_event_is_named(database, sealed, change):
    with as_attacker(database) as connection:
        connection.execute(update(audit_events).where(audit_events.c.event_id == sealed[4]).values(**change))
    found = problem(database)
    assert (found.defect, found.seq) == (Defect.ALTERED, 5)
    assert found.event_id == change.get("event_id", sealed[4])


def test_an_edited_event_is_named_when_every_link_was_recomputed_without_the_key(database, sealed, clock):
    forger = ChainKeys.derive(OTHER_KEY)
    with as_attacker(database) as connection:
        edit = update(audit_events).where(audit_events.c.event_id == sealed[4])
        connection.execute(edit.values(tag="test:event:denied"))
        mac = GENESIS
        for each in list_links(connection, after=0, limit=100):
            mac = link(forger.link, mac, each.seq, each.event)
            connection.execute(update(audit_links).where(audit_links.c.seq == each.seq).values(mac=mac))
        connection.execute(delete(audit_checkpoints))
        forged = sign_checkpoint(forger, count=10, head=mac, at=clock.now())
        connection.execute(insert(audit_checkpoints).values(vars(forged)))
    found = problem(database)
    # Nothing that the forger rebuilt verifies: the first link is already not ours.
    assert (found.defect, found.seq, found.event_id) == (Defect.ALTERED, 1, sealed[0])


def test_only_the_links_from_the_edited_event_on_recomputed_names_that_event(database, sealed):
    forger = ChainKeys.derive(OTHER_KEY)
    with as_attacker(database) as connection:
        edit = update(audit_events).where(audit_events.c.event_id == sealed[4])
        connection.execute(edit.values(tag="test:event:denied"))
        links = list_links(connection, after=0, limit=100)
        mac = links[3].mac
        for each in links[4:]:
            mac = link(forger.link, mac, each.seq, each.event)
            connection.execute(update(audit_links).where(audit_links.c.seq == each.seq).values(mac=mac))
    found = problem(database)
    assert (found.defect, found.seq, found.event_id) == (Defect.ALTERED, 5, sealed[4])


def test_a_missing_event_is_named(database, sealed):
    with as_attacker(database) as connection:
        connection.execute(delete(audit_events).where(audit_events.c.event_id == sealed[4]))
    found = problem(database)
    assert (found.defect, found.seq) == (Defect.EVENT_MISSING, 5)
    assert sealed[3] in found.what  # the last good one before it


def test_a_missing_event_is_named_when_its_link_is_gone_too(database, sealed):
    with as_attacker(database) as connection:
        connection.execute(delete(audit_links).where(audit_links.c.seq == 5))
        connection.execute(delete(audit_events).where(audit_events.c.event_id == sealed[4]))
    found = problem(database)
    assert (found.defect, found.seq) == (Defect.LINK_MISSING, 5)
    assert sealed[3] in found.what


def test_a_gap_that_was_closed_by_renumbering_is_named(database, sealed):
    with as_attacker(database) as connection:
        connection.execute(delete(audit_links).where(audit_links.c.seq == 5))
        connection.execute(delete(audit_events).where(audit_events.c.event_id == sealed[4]))
        for seq in range(6, 11):
            connection.execute(update(audit_links).where(audit_links.c.seq == seq).values(seq=seq - 1))
    found = problem(database)
    assert (found.defect, found.seq, found.event_id) == (Defect.ALTERED, 5, sealed[5])


@pytest.mark.parametrize("with_macs", [False, True])
def test_events_in_another_order_are_named(database, sealed, with_macs):
    swapped = {2: 4, 4: 2}
    with as_attacker(database) as connection:
        links = {each.seq: each for each in list_links(connection, after=0, limit=100)}
        connection.execute(delete(audit_links).where(audit_links.c.seq.in_(swapped)))
        for seq, other in swapped.items():
            mac = links[other].mac if with_macs else links[seq].mac
            connection.execute(insert(audit_links).values(seq=seq, event_row=links[other].event_row, mac=mac))
    found = problem(database)
    assert (found.defect, found.seq, found.event_id) == (Defect.ALTERED, 2, sealed[3])


def test_a_cut_tail_is_named_by_the_checkpoint_that_is_left(database, sealed):
    with as_attacker(database) as connection:
        cut_after(connection, 8, checkpoints=False)
    found = problem(database)
    assert (found.defect, found.seq) == (Defect.CUT, 9)
    assert sealed[7] in found.what


def test_a_tail_cut_with_its_checkpoints_is_named_by_the_log_stream(database, sealed, log_lines):
    with as_attacker(database) as connection:
        cut_after(connection, 6, checkpoints=True)
    assert verify(database, AUDIT_KEY).holds  # the database alone can't show it
    found = problem(database, outside_checkpoints=from_log(log_lines()))
    assert (found.defect, found.seq) == (Defect.CUT, 7)
    assert sealed[5] in found.what


def test_a_trail_that_was_emptied_is_named_by_the_log_stream(database, sealed, log_lines):
    with as_attacker(database) as connection:
        cut_after(connection, 0, checkpoints=True)
    found = problem(database, outside_checkpoints=from_log(log_lines()))
    assert (found.defect, found.seq) == (Defect.CUT, 1)


def test_a_cut_that_was_sealed_over_after_a_restart_is_named_by_the_log_stream(
    database, sealed, log_lines, write, clock
):
    with as_attacker(database) as connection:
        cut_after(connection, 8, checkpoints=True)
    log = log_lines()
    write(4)
    Sealer(database, AUDIT_KEY, clock).run_once()
    assert verify(database, AUDIT_KEY).holds
    found = problem(database, outside_checkpoints=from_log(log))
    assert (found.defect, found.seq) == (Defect.REWRITTEN, 10)
    assert "rows 7 to 10" in found.what


def test_a_chain_rewritten_with_the_audit_key_is_named_by_the_log_stream(database, sealed, log_lines):
    insider = ChainKeys.derive(AUDIT_KEY)
    with as_attacker(database) as connection:
        edit = update(audit_events).where(audit_events.c.event_id == sealed[4])
        connection.execute(edit.values(tag="test:event:denied"))
        mac = GENESIS
        for each in list_links(connection, after=0, limit=100):
            mac = link(insider.link, mac, each.seq, each.event)
            connection.execute(update(audit_links).where(audit_links.c.seq == each.seq).values(mac=mac))
            if checkpoint := find_checkpoint(connection, each.seq):
                again = sign_checkpoint(insider, count=each.seq, head=mac, at=checkpoint.at)
                row = update(audit_checkpoints).where(audit_checkpoints.c.count == bindparam("at_count"))
                connection.execute(row, vars(again) | {"at_count": each.seq})
    assert verify(database, AUDIT_KEY).holds
    found = problem(database, outside_checkpoints=from_log(log_lines()))
    assert (found.defect, found.seq) == (Defect.REWRITTEN, 6)


@pytest.mark.parametrize("count", [6, 8, 99])
def test_a_forged_checkpoint_is_named(database, sealed, clock, count):
    forged = sign_checkpoint(ChainKeys.derive(OTHER_KEY), count=count, head=bytes(32), at=clock.now())
    with as_attacker(database) as connection:
        connection.execute(delete(audit_checkpoints).where(audit_checkpoints.c.count == count))
        connection.execute(insert(audit_checkpoints).values(vars(forged)))
    found = problem(database)
    assert (found.defect, found.seq) == (Defect.CHECKPOINT_FORGED, count)


def test_a_forged_line_in_the_log_is_named(database, sealed, clock):
    forged = sign_checkpoint(ChainKeys.derive(OTHER_KEY), count=99, head=bytes(32), at=clock.now())
    found = problem(database, outside_checkpoints=[forged])
    assert (found.defect, found.seq) == (Defect.CHECKPOINT_FORGED, 99)


def test_a_value_that_can_not_even_be_read_is_named(sqlite_only_database, audit, clock):
    database = sqlite_only_database  # PostgreSQL's columns hold nothing that is not of their type
    for _ in range(3):
        with database.write() as connection:
            audit.record(connection, "test:event:written", now=clock.now())
    Sealer(database, AUDIT_KEY, clock).run_once()
    with as_attacker(database) as connection:
        connection.exec_driver_sql("UPDATE audit_events SET at = 'long ago' WHERE id = 2")
    found = problem(database)
    assert (found.defect, found.seq) == (Defect.UNREADABLE, 2)


def test_the_wrong_key_verifies_nothing(database, sealed):
    report = verify(database, OTHER_KEY)
    assert report.problem is not None
    assert report.verified == 0


def test_a_check_may_start_at_any_checkpoint(database, sealed):
    report = verify(database, AUDIT_KEY, start_checkpoint=6)
    assert (report.holds, report.started_at, report.verified) == (True, 6, 4)
    assert verify(database, AUDIT_KEY, start_checkpoint=10).verified == 0


def test_a_check_that_starts_later_does_not_see_what_came_before(database, sealed):
    with as_attacker(database) as connection:
        connection.execute(update(audit_events).where(audit_events.c.event_id == sealed[1]).values(tag="other"))
        connection.execute(update(audit_events).where(audit_events.c.event_id == sealed[7]).values(tag="other"))
    assert problem(database).seq == 2
    assert problem(database, start_checkpoint=6).seq == 8


def test_a_check_does_not_start_where_there_is_no_genuine_checkpoint(database, sealed, clock):
    with pytest.raises(NotFound):
        verify(database, AUDIT_KEY, start_checkpoint=7)
    with as_attacker(database) as connection:
        connection.execute(update(audit_checkpoints).values(signature=bytes(64)))
    with pytest.raises(NotFound):
        verify(database, AUDIT_KEY, start_checkpoint=6)


def test_a_dropped_part_leaves_its_closing_checkpoint(database, sealed):
    with as_attacker(database) as connection:
        rows = list(connection.execute(select(audit_links.c.event_row).where(audit_links.c.seq <= 6)).scalars())
        connection.execute(delete(audit_links).where(audit_links.c.seq <= 6))
        connection.execute(delete(audit_events).where(audit_events.c.id.in_(rows)))
    found = problem(database)
    assert (found.defect, found.seq) == (Defect.LINK_MISSING, 1)
    assert "(6)" in found.what  # where to start if it was on purpose
    assert verify(database, AUDIT_KEY, start_checkpoint=6).verified == 4


def test_a_start_may_be_given_from_outside(database, sealed):
    with database.read() as connection:
        first = list_checkpoints(connection, after=0)[0]
    with as_attacker(database) as connection:
        connection.execute(delete(audit_checkpoints).where(audit_checkpoints.c.count == 6))
    assert verify(database, AUDIT_KEY, start_checkpoint=6, outside_checkpoints=[first]).verified == 4
    with pytest.raises(NotFound):
        verify(database, AUDIT_KEY, start_checkpoint=6, outside_checkpoints=[replace(first, head=bytes(32))])


def test_the_chain_holds_after_a_person_was_erased(database, audit, vault, sealer, clock):
    with database.write() as connection:
        for account_id in ("acc_erased", "acc_kept"):
            audit.record(
                connection,
                "login:password:accepted",
                now=clock.now(),
                account_id=account_id,
                origin=ORIGIN,
                personal={"typed": "anna"},
            )
    sealer.run_once()

    def personal(connection):
        events = list_events(connection, tag=None, limit=10)
        return {
            each.account_id: vault.open_json_for(
                connection, each.account_id, each.sealed, context=f"audit_events:{each.event_id}"
            )
            for each in events
        }

    whole = {"address": "203.0.113.9", "user_agent": "Firefox", "typed": "anna"}
    with database.read() as connection:
        assert personal(connection) == {"acc_erased": whole, "acc_kept": whole}
    with database.write() as connection:
        vault.destroy_key(connection, "acc_erased", now=clock.now())
    with database.read() as connection:
        assert personal(connection) == {"acc_erased": None, "acc_kept": whole}
    with database.write() as connection:  # by a request that is still under way
        audit.record(connection, "test:event:late", now=clock.now(), account_id="acc_erased", personal={"typed": "x"})
    with database.read() as connection:
        [late] = list_events(connection, tag="test:event:late", limit=10)
    assert (late.account_id, late.sealed) == ("acc_erased", None)
    sealer.run_once()
    assert verify(database, AUDIT_KEY).verified == 3


def test_facts_that_the_chain_could_not_hold_are_refused(database, audit, clock):
    with pytest.raises(ValueError), database.write() as connection:
        audit.record(connection, "test:event:written", now=clock.now(), facts={"amount": 2**60})


def test_many_batches_verify_like_one(database, write, sealer, monkeypatch):
    monkeypatch.setattr("authsvc.core.audit.sealer.BATCH", 3)
    monkeypatch.setattr("authsvc.core.audit.verify.BATCH", 4)
    write(20)
    assert sealer.run_once() == 20
    report = verify(database, AUDIT_KEY)
    assert (report.verified, report.checkpoints) == (20, 7)
