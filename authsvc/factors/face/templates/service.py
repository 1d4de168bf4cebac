"""Keep a template sealed, open it to compare, renew its key.

    template -> rotated under a projection key (protection.py) -> sealed under the account's own key (AES-256-GCM)

The projection's key is 32 random bytes, sealed under the master key and bound to the account; the account's key is
itself wrapped under the master key (core/sealing). Who has the database has neither; who has an account's key (it is in
memory while that account signs in) still has a rotated vector. Who has the master key has everything: docs/security.md.

Renewing turns what is kept to a new key, without a capture: `authsvc key renew-faces`, after a copy of the database may
have been taken. A template of another embedder is renewed too; it is compared with nothing.
"""

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from sqlalchemy import Connection

from authsvc.core.audit.service import Audit
from authsvc.core.ids import new_bytes
from authsvc.core.sealing.cipher import CannotOpen
from authsvc.core.sealing.service import Vault
from authsvc.factors.face import store
from authsvc.factors.face.measured import FloatArray
from authsvc.factors.face.protection import KEY_BYTES, project, renew, unproject
from authsvc.factors.face.store import Template


@dataclass(frozen=True)
class Templates:
    """Templates of accounts, inside the caller's transaction."""

    vault: Vault
    audit: Audit

    def keep(
        self,
        connection: Connection,
        account_id: str,
        template: FloatArray,
        *,
        embedder: str,
        frames: int,
        now: datetime,
    ) -> None:
        """Keep a template in place of the former one, under a new projection."""
        key = new_bytes(KEY_BYTES)
        sealed = self._seal(connection, account_id, project(template, key), now)
        projection = self.vault.seal(key, context=_projection_context(account_id))
        store.put_template(connection, Template(account_id, sealed, projection, embedder, frames, now))

    def open(self, connection: Connection, account_id: str, *, embedder: str) -> FloatArray | str:
        """Return the plain template, for this comparison only, or the code of a refusal."""
        kept = store.find_template(connection, account_id)
        if kept is None:
            return "face.no_template"
        if kept.embedder != embedder:
            return "face.template_outdated"
        try:
            opened = self._open(connection, kept)
        except CannotOpen:
            return "face.template_damaged"
        return "face.no_template" if opened is None else unproject(*opened)

    def renew(self, connection: Connection, account_id: str, *, now: datetime) -> bool:
        """Turn the account's template to a new key; False where there is none, or it was replaced at this moment.

        Raises:
            CannotOpen: it was altered, or its key is missing.
        """
        kept = store.find_template(connection, account_id)
        opened = self._open(connection, kept) if kept else None
        if kept is None or opened is None:
            return False
        vector, old = opened
        new = new_bytes(KEY_BYTES)
        renewed = replace(
            kept,
            sealed=self._seal(connection, account_id, renew(vector, old=old, new=new), now),
            projection=self.vault.seal(new, context=_projection_context(account_id)),
            renewed_at=now,
        )
        if not store.replace_template(connection, kept, renewed):
            return False
        self.audit.record(connection, "face:template:renewed", now=now, account_id=account_id)
        return True

    def _open(self, connection: Connection, kept: Template) -> tuple[FloatArray, bytes] | None:
        """Return what is kept and its projection's key; None where the person was erased."""
        context = _context(kept.account_id)
        data = self.vault.open_for(connection, kept.account_id, kept.sealed, context=context)
        if data is None:
            return None
        key = self.vault.open(kept.projection, context=_projection_context(kept.account_id))
        return np.frombuffer(data, dtype="<f8").astype(np.float64), key

    def _seal(self, connection: Connection, account_id: str, vector: FloatArray, now: datetime) -> bytes:
        data = vector.astype("<f8").tobytes()
        return self.vault.seal_for(connection, account_id, data, context=_context(account_id), now=now)


def _context(account_id: str) -> str:
    return f"face_templates:{account_id}"


def _projection_context(account_id: str) -> str:
    return f"face_templates.projection:{account_id}"
