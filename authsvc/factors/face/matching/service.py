"""Compare with what this deployment knows: its cohort, and its operating point. Inside the caller's transaction.

The cohort grows by one vector a person, from an enrolment or a verification that succeeded, with the consent that faces
are kept under (cohort.py: how). What a process has unsealed of it is kept in memory, but which prototypes there are is
read from the database each time: one that was deleted is used by nobody from then on.

What was taken back is deleted in the transaction that takes it back: `forget` belongs to every path on which a template
goes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock

import numpy as np
from sqlalchemy import Connection

from authsvc.core.audit.service import Audit
from authsvc.core.ids import new_id
from authsvc.core.sealing.cipher import CannotOpen
from authsvc.core.sealing.service import Vault
from authsvc.factors.face.embedder.onnx_embedder import OWN_ID
from authsvc.factors.face.matching import store
from authsvc.factors.face.matching.calibration import Calibration, Known
from authsvc.factors.face.matching.cohort import MAX_PROTOTYPES, MEMBERS, Cohort, prototype_of
from authsvc.factors.face.matching.operating_point import SHIPPED, Match, OperatingPoint, Points, compare
from authsvc.factors.face.matching.score import mean_of, parts_match
from authsvc.factors.face.measured import FloatArray
from authsvc.settings import FaceSettings


@dataclass(frozen=True)
class Matching:
    """Compares, grows the cohort, and keeps operating points."""

    vault: Vault
    audit: Audit
    settings: FaceSettings
    _opened: "_Opened" = field(default_factory=lambda: _Opened(), repr=False)

    def compare(
        self,
        connection: Connection,
        account_id: str,
        embedder: str,
        template: FloatArray,
        frames: Sequence[FloatArray],
    ) -> Match:
        """Return whether a capture's frames, all together and each alone, show this account's owner.

        All vectors are of this embedder.
        """
        cohort = self.cohort(connection, embedder)
        member = store.find_member(connection, account_id)
        if member is not None and member.prototype_id is not None:
            cohort = cohort.without((member.prototype_id,))
        points = self.points(connection, embedder)
        match = compare(template, mean_of(frames), cohort, points)
        return replace(match, matched=match.matched and parts_match(template, frames, points.plain.threshold))

    def points(self, connection: Connection, embedder: str) -> Points:
        """Return what decides for this embedder: what was calibrated here, else the setting."""
        plain = store.find_operating_point(connection, embedder, relative=False) or self._given(embedder)
        return Points(plain, store.find_operating_point(connection, embedder, relative=True))

    def cohort(self, connection: Connection, embedder: str) -> Cohort:
        """Return the prototypes of now."""
        ids = store.list_prototype_ids(connection, embedder)
        vectors = self._opened.keep(ids)
        if missing := [each for each in ids if each not in vectors]:
            for prototype_id, sealed in store.list_sealed_prototypes(connection, missing).items():
                vectors[prototype_id] = _from_bytes(self.vault.open(sealed, context=_context(prototype_id)))
            self._opened.put(vectors)
        kept = tuple(each for each in ids if each in vectors)
        return Cohort(kept, np.stack([vectors[each] for each in kept]) if kept else np.empty((0, 0)))

    def grow(
        self, connection: Connection, account_id: str, vector: FloatArray, *, embedder: str, now: datetime
    ) -> None:
        """Let a person with consent be part of the cohort, if they are not yet; make a prototype when enough wait."""
        member = store.find_member(connection, account_id)
        if member is not None and member.embedder == embedder:
            return
        if member is not None:
            store.delete_member(connection, account_id)  # the former network's vectors serve nobody any more
        if store.count_prototypes(connection, embedder) >= MAX_PROTOTYPES:
            return
        store.hold_cohort(connection)
        sealed = self.vault.seal_for(
            connection, account_id, _to_bytes(vector), context=_waiting_context(account_id), now=now
        )
        store.insert_waiting(connection, account_id, embedder, sealed, now)
        self._average(connection, embedder, now)

    def forget(self, connection: Connection, account_id: str) -> None:
        """Delete what the cohort has of a person, at once, and every prototype that they are part of."""
        store.delete_member(connection, account_id)

    def to_calibrate(
        self, connection: Connection, embedder: str, templates: Iterable[tuple[str, FloatArray]]
    ) -> Calibration:
        """Return what a calibration computes with. Args: templates: accounts and their plain vectors."""
        memberships = store.list_memberships(connection, embedder)
        known = tuple(Known(account_id, vector, memberships.get(account_id)) for account_id, vector in templates)
        return Calibration(embedder, known, self.cohort(connection, embedder))

    def keep(self, connection: Connection, points: Sequence[OperatingPoint], *, now: datetime) -> None:
        """Let these points decide from now on, and leave the evidence."""
        for point in points:
            store.put_operating_point(connection, point, now)
            facts = {
                "embedder": point.embedder,
                "kind": "relative" if point.relative else "plain",
                "threshold": point.threshold,
                "fmr": point.fmr,
                "pairs": point.pairs,
                "people": point.people,
                "prototypes": point.prototypes,
            }
            self.audit.record(connection, "cli:face:calibrated", now=now, facts=facts)

    def reset(self, connection: Connection, *, now: datetime) -> int:
        """Go back to the setting or the shipped point; return how many calibrated ones were dropped."""
        dropped = store.delete_operating_points(connection)
        self.audit.record(connection, "cli:face:calibration_reset", now=now, facts={"points": dropped})
        return dropped

    def _given(self, embedder: str) -> OperatingPoint:
        own = embedder.startswith(OWN_ID)
        threshold = self.settings.model.threshold if own else self.settings.threshold
        shipped = SHIPPED.get(embedder)
        if shipped is not None and shipped.threshold == threshold:
            return shipped
        # Without any, 0.0: nobody matches.
        return OperatingPoint(embedder, threshold or 0.0, None, 0, 0, "settings")

    def _average(self, connection: Connection, embedder: str, now: datetime) -> None:
        waiting = store.list_waiting(connection, embedder)
        vectors: dict[str, FloatArray] = {}
        for member in waiting:
            opened = self._open_waiting(connection, member)
            if opened is not None and len(vectors) < MEMBERS:
                vectors[member.account_id] = opened
        if len(vectors) < MEMBERS:
            return
        prototype_id = new_id("fpr")
        mean = prototype_of(np.stack(list(vectors.values())))
        sealed = self.vault.seal(_to_bytes(mean), context=_context(prototype_id))
        store.insert_prototype(connection, prototype_id, embedder, sealed, tuple(vectors), now)

    def _open_waiting(self, connection: Connection, member: store.Member) -> FloatArray | None:
        assert member.waiting is not None  # only who waits is listed
        try:
            opened = self.vault.open_for(
                connection, member.account_id, member.waiting, context=_waiting_context(member.account_id)
            )
        except CannotOpen:
            return None
        return None if opened is None else _from_bytes(opened)


class _Opened:
    """Prototypes that this process has unsealed, by id; they never change."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._vectors: dict[str, FloatArray] = {}

    def keep(self, ids: Sequence[str]) -> dict[str, FloatArray]:
        """Return those of these that are here, and forget all others. What is returned stays whole, whoever is next."""
        with self._lock:
            self._vectors = {each: self._vectors[each] for each in ids if each in self._vectors}
            return dict(self._vectors)

    def put(self, vectors: Mapping[str, FloatArray]) -> None:
        with self._lock:
            self._vectors |= vectors


def _to_bytes(vector: FloatArray) -> bytes:
    return vector.astype("<f8").tobytes()


def _from_bytes(data: bytes) -> FloatArray:
    return np.frombuffer(data, dtype="<f8").astype(np.float64)


def _context(prototype_id: str) -> str:
    return f"face_prototypes:{prototype_id}"


def _waiting_context(account_id: str) -> str:
    return f"face_cohort_members:{account_id}"
