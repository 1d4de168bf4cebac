"""Check the audit chain, and name the first row that is broken, missing or cut.

    1. A checkpoint that is given from outside (the log stream) is genuine: signed by the audit key.
    2. The check starts at the first event, or at a genuine checkpoint, which stands for all before it.
    3. Links are numbered without a gap: none was taken out.
    4. Every link's event is there and can be read.
    5. Every link's mac is the HMAC of its place, its event and the mac before it: nothing was edited or moved, also
       when all plain hashes were recomputed, which needs the audit key.
    6. Every checkpoint in the database is genuine.
    7. Where there is a checkpoint, the chain has the mac that was signed: nobody with the audit key rewrote it, and
       nothing was cut and sealed over.
    8. No checkpoint lies past the last link: the end was not cut. When its checkpoints were cut with it, only those
       from outside can show this.
    9. What is not sealed yet is counted: nothing protects it.

Reads in batches from one snapshot, so that a chain of any length needs the same memory, and sealing goes on meanwhile.

Limits: after the first problem nothing is checked. Events cut before they were sealed leave no trace. Checkpoints from
outside are held in memory.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from authsvc.core.audit import store
from authsvc.core.audit.chain import GENESIS, ChainKeys, Checkpoint, is_genuine, link
from authsvc.core.audit.store import Link
from authsvc.core.database import Database
from authsvc.core.errors import NotFound

BATCH = 1000


class Defect(StrEnum):
    """What can be wrong with the chain."""

    ALTERED = "altered"
    UNREADABLE = "unreadable"
    EVENT_MISSING = "event_missing"
    LINK_MISSING = "link_missing"
    OUT_OF_ORDER = "out_of_order"
    CUT = "cut"
    REWRITTEN = "rewritten"
    CHECKPOINT_FORGED = "checkpoint_forged"


@dataclass(frozen=True)
class Problem:
    """The first thing that is wrong. `seq` is the place in the chain; `event_id` is None when nobody can know it."""

    defect: Defect
    seq: int
    event_id: str | None
    what: str


@dataclass(frozen=True)
class Report:
    """What a check found."""

    started_at: int  # the checkpoint that stood for everything before; 0 is the first event
    verified: int  # events whose links hold
    checkpoints: int  # checkpoints that agreed with the chain, those from outside included
    unsealed: int
    oldest_unsealed_at: datetime | None
    problem: Problem | None

    @property
    def holds(self) -> bool:
        return self.problem is None


def verify(
    database: Database,
    audit_key: bytes,
    *,
    start_checkpoint: int | None = None,
    outside_checkpoints: Iterable[Checkpoint] = (),
) -> Report:
    """Check the chain; see the numbered list above.

    Args:
        start_checkpoint: the count of a checkpoint, in the database or from outside, to start at.
        outside_checkpoints: what the log stream kept (chain.from_log).

    Raises:
        NotFound: there is no genuine checkpoint to start at.
    """
    keys = ChainKeys.derive(audit_key)
    outside: dict[int, list[Checkpoint]] = defaultdict(list)
    forged: list[Checkpoint] = []
    for checkpoint in outside_checkpoints:
        (outside[checkpoint.count] if is_genuine(keys.public, checkpoint) else forged).append(checkpoint)
    with database.snapshot() as connection:
        start = _find_start(connection, keys, outside, start_checkpoint)
        walk = _Walk(connection, keys, outside, start.seq, start.mac)
        problem = walk.check_links() or walk.check_end()
        if problem is None and forged:
            problem = _forged(forged[0], "given from outside")  # 1
        unsealed = store.count_unsealed(connection)  # 9
    return Report(
        started_at=start.seq,
        verified=walk.seq - start.seq,
        checkpoints=walk.agreed,
        unsealed=unsealed.count,
        oldest_unsealed_at=unsealed.oldest_at,
        problem=problem,
    )


@dataclass(frozen=True)
class _Start:
    seq: int
    mac: bytes


def _find_start(
    connection: Connection, keys: ChainKeys, outside: Mapping[int, list[Checkpoint]], count: int | None
) -> _Start:
    if not count:
        return _Start(0, GENESIS)
    if given := outside.get(count):
        return _Start(count, given[0].head)  # 2
    stored = store.find_checkpoint(connection, count)
    if stored is not None and is_genuine(keys.public, stored):
        return _Start(count, stored.head)  # 2
    raise NotFound("audit.no_checkpoint", f"There is no genuine checkpoint after {count} events.")


@dataclass
class _Walk:
    """Goes along the chain; `seq`, `mac` and `event_id` are those of the last link that holds."""

    connection: Connection
    keys: ChainKeys
    outside: Mapping[int, list[Checkpoint]]
    seq: int
    mac: bytes
    event_id: str | None = None
    agreed: int = 0
    agreed_seq: int = field(init=False)

    def __post_init__(self) -> None:
        self.agreed_seq = self.seq

    def check_links(self) -> Problem | None:
        while True:
            links = self._read()
            if isinstance(links, Problem):
                return links
            if not links:
                return None
            stored = store.list_checkpoints(self.connection, after=self.seq, up_to=links[-1].seq)
            by_count = {checkpoint.count: checkpoint for checkpoint in stored}
            for each in links:
                if problem := self._check_link(each) or self._check_checkpoints(by_count.get(each.seq)):
                    return problem

    def check_end(self) -> Problem | None:
        """Look for checkpoints that promise more than there is."""
        promised: Checkpoint | None = None
        after = self.seq
        while stored := store.list_checkpoints(self.connection, after=after, limit=BATCH):
            for checkpoint in stored:
                if not is_genuine(self.keys.public, checkpoint):  # 6
                    return _forged(checkpoint, "in the database")
            promised, after = stored[-1], stored[-1].count
        beyond = [each for count in self.outside if count > self.seq for each in self.outside[count]]
        promised = max([*([promised] if promised else []), *beyond], key=lambda each: each.count, default=None)
        if promised is None:
            return None
        what = (
            f"the chain ends after {self.seq} events{self._last_event()}, but on {promised.at.isoformat()} it had "
            f"{promised.count}: {promised.count - self.seq} were cut off"
        )
        return Problem(Defect.CUT, self.seq + 1, None, what)  # 8

    def _read(self) -> list[Link] | Problem:
        # A value that was damaged so that it can't even be read spoils its whole batch: then go row by row.
        for size in (BATCH, 1):
            try:
                return store.list_links(self.connection, after=self.seq, limit=size)
            except (SQLAlchemyError, ValueError, TypeError) as problem:
                what = f"the row{self._after()} can't be read: {problem}"
        return Problem(Defect.UNREADABLE, self.seq + 1, None, what)  # 4

    def _check_link(self, each: Link) -> Problem | None:
        expected = self.seq + 1
        if each.seq > expected:  # 3
            return self._missing(expected, each.seq)
        if each.seq < expected:
            return Problem(Defect.OUT_OF_ORDER, each.seq, None, f"link {each.seq} is there twice")
        if each.event is None:  # 4
            what = f"event row {each.event_row} is gone; it came{self._after()}"
            return Problem(Defect.EVENT_MISSING, each.seq, None, what)
        mac = link(self.keys.link, self.mac, each.seq, each.event)
        if mac != each.mac:  # 5
            what = "the event, its place in the chain, or its link was changed after it was sealed"
            return Problem(Defect.ALTERED, each.seq, each.event.event_id, what)
        self.seq, self.mac, self.event_id = each.seq, mac, each.event.event_id
        return None

    def _check_checkpoints(self, stored: Checkpoint | None) -> Problem | None:
        if stored is not None and not is_genuine(self.keys.public, stored):  # 6
            return _forged(stored, "in the database")
        for checkpoint in [*self.outside.get(self.seq, []), *([stored] if stored else [])]:
            if checkpoint.head != self.mac:  # 7
                what = (
                    f"the checkpoint of {checkpoint.at.isoformat()} was signed for other events: rows "
                    f"{self.agreed_seq + 1} to {self.seq} were cut and sealed over, or rewritten with the audit key"
                )
                return Problem(Defect.REWRITTEN, self.seq, self.event_id, what)
            self.agreed, self.agreed_seq = self.agreed + 1, self.seq
        return None

    def _missing(self, first: int, found: int) -> Problem:
        last = found - 1
        links = f"link {first} is" if first == last else f"links {first} to {last} are"
        what = f"{links} gone, which came{self._after()}"
        if first == 1:
            what += f"; if those events were dropped on purpose, start at the checkpoint that closed them ({last})"
        return Problem(Defect.LINK_MISSING, first, None, what)

    def _after(self) -> str:
        return " first" if self.seq == 0 else f" after number {self.seq}{self._last_event()}"

    def _last_event(self) -> str:
        return f" (event {self.event_id})" if self.event_id else ""


def _forged(checkpoint: Checkpoint, where: str) -> Problem:
    what = f"the checkpoint {where} after {checkpoint.count} events was not signed with the audit key"
    return Problem(Defect.CHECKPOINT_FORGED, checkpoint.count, None, what)
