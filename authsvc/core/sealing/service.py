"""The vault: seals personal fields under a key per account, so that erasing the key erases the person.

Evidence (audit events, decision inputs) is kept for years and chained by hashes, but the personal parts of it must go
when their person asks. They are sealed under that person's own key: destroying the key leaves the ciphertext and the
chain as they were, and nobody can read them again (crypto-shredding, NIST SP 800-88 rev. 1, 2.6).
"""

import json
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any

from sqlalchemy import ColumnElement, Connection, ScalarSelect, bindparam, select

from authsvc.core.database import insert_into, noted
from authsvc.core.errors import Gone
from authsvc.core.ids import new_bytes
from authsvc.core.sealing.cipher import KEY_BYTES, NONCE_BYTES, Keyring, open_with, seal_with
from authsvc.core.sealing.tables import personal_keys

CACHED_KEYS = 4096
ERASED = b""  # stands in the place of a key: what a request still has in hand must not make a new one


@dataclass(frozen=True)
class Vault:
    """Seals values for the service itself (`seal`, `open`) and for one person (`seal_for`, `open_for`)."""

    keyring: Keyring
    _cache: "_KeyCache" = field(default_factory=lambda: _KeyCache(CACHED_KEYS), repr=False)

    def seal(self, plaintext: bytes, *, context: str) -> bytes:
        """Seal under the master key; `context` names table, column and row."""
        return self.keyring.seal(plaintext, context=context, nonce=new_bytes(NONCE_BYTES))

    def open(self, sealed: bytes, *, context: str) -> bytes:
        """Open what `seal` sealed. Raises CannotOpen."""
        return self.keyring.open(sealed, context=context)

    def seal_for(
        self, connection: Connection, account_id: str, plaintext: bytes, *, context: str, now: datetime
    ) -> bytes:
        """Seal under the person's own key, which is made at first use.

        Raises:
            Gone: `account.erased`: there will be no key again.
        """
        key = self._key(connection, account_id) or self._make_key(connection, account_id, now)
        return seal_with(key, plaintext, key_id="person", context=context, nonce=new_bytes(NONCE_BYTES))

    def seal_json_for(
        self, connection: Connection, account_id: str, value: Any, *, context: str, now: datetime
    ) -> bytes:
        """Seal a JSON value under the person's own key. Raises Gone, as `seal_for`."""
        return self.seal_for(connection, account_id, _to_json(value).encode(), context=context, now=now)

    def open_for(self, connection: Connection, account_id: str, sealed: bytes, *, context: str) -> bytes | None:
        """Open what `seal_for` sealed; None when the person was erased. Raises CannotOpen when it was altered."""
        key = self._key(connection, account_id)
        return None if key is None else open_with(key, sealed, context=context)

    def open_json_for(self, connection: Connection, account_id: str, sealed: bytes, *, context: str) -> Any:
        """Open what `seal_json_for` sealed; None when the person was erased."""
        plaintext = self.open_for(connection, account_id, sealed, context=context)
        return None if plaintext is None else json.loads(plaintext)

    def destroy_key(self, connection: Connection, account_id: str, *, now: datetime) -> None:
        """Erase the person's key: nothing sealed for them can be opened again, and nothing more be sealed."""
        connection.execute(
            insert_into(connection, personal_keys)
            .values(account_id=account_id, sealed_key=ERASED, created_at=now)
            .on_conflict_do_update(index_elements=["account_id"], set_={"sealed_key": ERASED})
        )
        noted(connection).pop((_NOTED, account_id), None)
        self._cache.clear()

    def note_key(self, connection: Connection, account_id: str, sealed_key: bytes | None) -> None:
        """Take a person's key that another statement of this transaction brought along, as `sealed_key_of` reads it."""
        if sealed_key is not None:
            noted(connection)[_NOTED, account_id] = sealed_key

    def _key(self, connection: Connection, account_id: str) -> bytes | None:
        # The row is read in every transaction: another machine may have erased it. The cache saves the unwrapping.
        known = noted(connection)
        sealed: bytes | None = known.get((_NOTED, account_id))
        if sealed is None:
            sealed = connection.execute(_FIND_KEY, {"account_id": account_id}).scalar_one_or_none()
            if sealed is None:
                return None
            known[_NOTED, account_id] = sealed
        if sealed == ERASED:
            return None
        if (key := self._cache.get(sealed)) is None:
            key = self.keyring.open(sealed, context=f"personal_keys:{account_id}")
            self._cache.put(sealed, key)
        return key

    def _make_key(self, connection: Connection, account_id: str, now: datetime) -> bytes:
        key = new_bytes(KEY_BYTES)
        sealed = self.seal(key, context=f"personal_keys:{account_id}")
        connection.execute(
            insert_into(connection, personal_keys)
            .values(account_id=account_id, sealed_key=sealed, created_at=now)
            .on_conflict_do_nothing()
        )
        kept = self._key(connection, account_id)  # another writer may have been first
        if kept is None:
            raise Gone("account.erased", "This account was deleted.")
        return kept


_NOTED = "personal_keys"
_FIND_KEY = select(personal_keys.c.sealed_key).where(personal_keys.c.account_id == bindparam("account_id"))


def sealed_key_of(account_id: ColumnElement[str]) -> ScalarSelect[bytes]:
    """Return a column for a statement that reads more of the person, and so saves one; for `note_key`."""
    return select(personal_keys.c.sealed_key).where(personal_keys.c.account_id == account_id).scalar_subquery()


_to_json = json.JSONEncoder(sort_keys=True).encode  # json.dumps would make an encoder for each value


class _KeyCache:
    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = Lock()
        self._keys: OrderedDict[bytes, bytes] = OrderedDict()

    def get(self, sealed: bytes) -> bytes | None:
        with self._lock:
            return self._keys.get(sealed)

    def put(self, sealed: bytes, key: bytes) -> None:
        with self._lock:
            self._keys[sealed] = key
            while len(self._keys) > self._size:
                self._keys.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._keys.clear()
