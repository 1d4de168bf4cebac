"""Replays stored decisions: several processes, a slice of time each.

The inputs of a decision are sealed under its person's own key. So each row costs an unwrapping (once for each person
and process), an opening, a parsing and a scoring; that is why it takes processes. Nothing is kept opened anywhere: rows
are scored as they come, and only counts leave the process.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from multiprocessing import get_context
from typing import Any

from sqlalchemy import Row

from authsvc.core.database import Database
from authsvc.core.sealing.cipher import CannotOpen, Keyring, open_with
from authsvc.risk.policy import ENGINE_FAILED, RULE_FAILED, Policy
from authsvc.risk.replay.judge import Judge, Judged, Stored, Verdict
from authsvc.risk.replay.store import list_reasons, span_of_decisions, stream_decisions
from authsvc.risk.replay.tally import Segment, Tally

SLICES_EACH = 32  # of a process: decisions are not spread evenly over time, and the last slice leaves a process idle
MOST_LOOKED_AT = 1000  # mismatches whose reasons are looked at
KEYS_KEPT = 50_000
NO_LABEL, OWN_PAGES = "none", "authsvc"

Slice = tuple[datetime, datetime]
# What a decision is counted by; a plain tuple, for there is one of every row. Judged, decision, version of the policy,
# label, client, trigger, and the id of a mismatch.
Counted = tuple[Judged, str, str, str | None, str | None, str, str | None]


@dataclass(frozen=True)
class Work:
    """What a process needs; sent to it through a pipe."""

    url: str
    keyring: Keyring = field(repr=False)
    old: Mapping[str, Policy]
    new: Policy


def replay(work: Work, since: datetime, until: datetime, *, processes: int = 1) -> Tally:
    """Return what came of deciding every decision of [since, until) again."""
    database, tally = Database(work.url, pool_size=1), Tally()
    try:
        with database.read() as connection:
            span = span_of_decisions(connection, since, until)
        if span is None:
            return tally
        slices = _slices(span[0], span[1] + timedelta(microseconds=1), SLICES_EACH * processes)
        for part in _in_processes(work, slices, processes) if processes > 1 else _here(work, database, slices):
            tally.add(part)
        with database.read() as connection:
            reasons = list_reasons(connection, tally.mismatches[:MOST_LOOKED_AT])
    finally:
        database.dispose()
    tally.excuse(each for each, codes in reasons.items() if ENGINE_FAILED in codes or RULE_FAILED in codes)
    return tally


def _here(work: Work, database: Database, slices: Sequence[Slice]) -> Iterator[Tally]:
    keys = _Keys(work.keyring)
    return (_replay_slice(work, database, keys, each) for each in slices)


def _in_processes(work: Work, slices: Sequence[Slice], processes: int) -> Iterator[Tally]:
    with ProcessPoolExecutor(processes, get_context("spawn"), _begin, (work,)) as pool:
        yield from pool.map(_in_process, slices)


_process: list[tuple[Work, Database, "_Keys"]] = []  # of a worker: what it was begun with


def _begin(work: Work) -> None:
    _process.append((work, Database(work.url, pool_size=1), _Keys(work.keyring)))


def _in_process(each: Slice) -> Tally:
    return _replay_slice(*_process[0], each)


def _replay_slice(work: Work, database: Database, keys: "_Keys", each: Slice) -> Tally:
    judge = Judge(work.old, work.new)
    with database.read() as connection:
        alike = Counter(_counted(judge, keys, row) for row in stream_decisions(connection, *each))
    tally = Tally()
    for counted, times in alike.items():
        _add(tally, counted, times)
    return tally


def _counted(judge: Judge, keys: "_Keys", row: Row[*tuple[Any, ...]]) -> Counted:
    decision_id, account_id, sealed_key, sealed, label, client_id, trigger, *told = row
    stored = Stored(*told)
    if account_id is None or not sealed_key:  # gone, or erased (core/sealing)
        judged = Judged(Verdict.ERASED)
    else:
        try:
            inputs = open_with(keys.of(account_id, sealed_key), sealed, context=f"risk_decisions:{decision_id}")
            judged = judge.judge(stored, inputs)
        except CannotOpen:
            judged = Judged(Verdict.UNREADABLE)
    mismatch = decision_id if judged.verdict is Verdict.MISMATCH else None
    return judged, stored.decision, stored.policy_version, label, client_id, trigger, mismatch


def _add(tally: Tally, counted: Counted, times: int) -> None:
    judged, before, policy_version, label, client_id, trigger, mismatch = counted
    tally.verdicts[judged.verdict] += times
    tally.policies[policy_version] += times
    if mismatch is not None:
        tally.mismatches.append(mismatch)
    if judged.after:
        segment = Segment(label or NO_LABEL, client_id or OWN_PAGES, trigger, judged.device, judged.country)
        tally.moved[segment, before, judged.after] += times


@dataclass
class _Keys:
    """Persons' keys, unwrapped once for as long as they are needed."""

    keyring: Keyring
    known: dict[bytes, bytes] = field(default_factory=dict)

    def of(self, account_id: str, sealed: bytes) -> bytes:
        key = self.known.get(sealed)
        if key is None:
            if len(self.known) >= KEYS_KEPT:
                self.known.clear()
            key = self.known[sealed] = self.keyring.open(sealed, context=f"personal_keys:{account_id}")
        return key


def _slices(begin: datetime, end: datetime, count: int) -> list[Slice]:
    """Return `count` spans of equal length, without a gap."""
    bounds = [begin + (end - begin) * number / count for number in range(count)] + [end]
    return [(left, right) for left, right in pairwise(bounds) if left < right]
