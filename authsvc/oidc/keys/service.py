"""Make, keep, publish and rotate the keys that sign tokens: one RSA key (RS256, 2048 bits) and one P-256 key (ES256).

A private key is sealed under the master key, bound to its own row, and destroyed when it is retired. A retired public
key stays in the published set until the last token it can have signed has expired:

    published until  retired_at + CACHE + longest lifetime + LEEWAY

CACHE because another machine may sign with the retired key for as long as it remembers it. A key id is the key's
thumbprint (RFC 7638). Logout hints are checked against every key there ever was: they may be months old.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from joserfc.jwk import ECKey, Key, KeySet, RSAKey

from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.sealing.service import Vault
from authsvc.oidc.keys.store import SigningKey, insert_signing_key, list_signing_keys, retire_signing_keys
from authsvc.settings import TokenSettings

RSA_BITS = 2048
CACHE = timedelta(seconds=30)
RELOAD_AT_MOST_EVERY = timedelta(seconds=1)
LEEWAY = timedelta(minutes=2)  # clocks of relying parties differ
JWKS_MAX_AGE_S = 300

PrivateKey = RSAKey | ECKey


@dataclass(frozen=True)
class Keys:
    """What was loaded: the private keys that sign, by algorithm; the sets that tokens and hints are checked with."""

    signing: Mapping[str, PrivateKey]
    published: KeySet
    all: KeySet
    loaded_at: datetime


@dataclass(frozen=True)
class SigningKeys:
    """The provider's keys."""

    database: Database
    vault: Vault
    audit: Audit
    clock: Clock
    settings: TokenSettings
    _cache: "_Cache" = field(default_factory=lambda: _Cache(), repr=False)

    @property
    def overlap(self) -> timedelta:
        """How long a retired key stays published."""
        return CACHE + LEEWAY + timedelta(seconds=max(self.settings.access_s, self.settings.id_s))

    def current(self, *, knowing: str | None = None) -> Keys:
        """Return the keys; the first call on a fresh database makes them. Not inside a transaction.

        Args:
            knowing: the key id of a token at hand: one that isn't known may have been made elsewhere a moment ago.
        """
        now = self.clock.now()
        cached = self._cache.keys
        if cached is not None and _still_good(cached, knowing, now):
            return cached
        rows = self._rows()
        if {row.alg for row in rows if row.retired_at is None} != {"RS256", "ES256"}:
            self._make(now, retire=False)
            rows = self._rows()
        return self._cache.put(self._open(rows, now))

    def jwks(self) -> dict[str, Any]:
        """Return the published set as RFC 7517 has it; always from the database, since relying parties cache it."""
        self.current()
        now = self.clock.now()
        return {"keys": [dict(row.public_jwk) for row in self._rows() if self.is_published(row, now=now)]}

    def rotate(self) -> None:
        """Let new keys sign from now on."""
        self._make(self.clock.now(), retire=True)
        self._cache.clear()

    def list_keys(self) -> list[SigningKey]:
        return self._rows()

    def is_published(self, key: SigningKey, *, now: datetime) -> bool:
        """Return whether clients still find the key: what it signed is checked with it for a while after its end."""
        return key.retired_at is None or now < key.retired_at + self.overlap

    def _rows(self) -> list[SigningKey]:
        with self.database.read() as connection:
            return list_signing_keys(connection)

    def _make(self, now: datetime, *, retire: bool) -> None:
        # Computed before the transaction: an RSA key takes a tenth of a second.
        fresh = [self._new_row(alg, key, now) for alg, key in _generate().items()]
        with self.database.write() as connection:
            retired = retire_signing_keys(connection, now=now) if retire else 0
            made = [row.kid for row in fresh if insert_signing_key(connection, row)]
            if made:
                self.audit.record(
                    connection,
                    "oidc:keys:rotated" if retired else "oidc:keys:made",
                    now=now,
                    facts={"kids": made, "retired": retired},
                )

    def _new_row(self, alg: str, key: PrivateKey, now: datetime) -> SigningKey:
        kid = key.thumbprint()
        named = {"kid": kid, "use": "sig", "alg": alg}
        private = json.dumps(key.as_dict(private=True) | named).encode()
        return SigningKey(
            kid=kid,
            alg=alg,
            sealed=self.vault.seal(private, context=f"signing_keys:{kid}"),
            public_jwk=key.as_dict(private=False) | named,
            created_at=now,
        )

    def _open(self, rows: list[SigningKey], now: datetime) -> Keys:
        signing = {
            row.alg: _import(json.loads(self.vault.open(row.sealed, context=f"signing_keys:{row.kid}")))
            for row in rows
            if row.sealed is not None and row.retired_at is None
        }
        published: list[Key] = [_import(row.public_jwk) for row in rows if self.is_published(row, now=now)]
        return Keys(signing, KeySet(published), KeySet([_import(row.public_jwk) for row in rows]), now)


class _Cache:
    def __init__(self) -> None:
        self._lock = Lock()
        self._keys: Keys | None = None

    @property
    def keys(self) -> Keys | None:
        with self._lock:
            return self._keys

    def put(self, keys: Keys) -> Keys:
        with self._lock:
            self._keys = keys
        return keys

    def clear(self) -> None:
        with self._lock:
            self._keys = None


def _still_good(cached: Keys, knowing: str | None, now: datetime) -> bool:
    age = now - cached.loaded_at
    known = knowing is None or any(key.kid == knowing for key in cached.all.keys)
    return timedelta(0) <= age < (CACHE if known else RELOAD_AT_MOST_EVERY)


def _generate() -> dict[str, PrivateKey]:
    return {"RS256": RSAKey.generate_key(RSA_BITS), "ES256": ECKey.generate_key("P-256")}


def _import(jwk: Mapping[str, Any]) -> PrivateKey:
    return RSAKey.import_key(dict(jwk)) if jwk["kty"] == "RSA" else ECKey.import_key(dict(jwk))
