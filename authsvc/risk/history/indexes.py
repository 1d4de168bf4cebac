"""Keyed hashes of what history recognises again but must not tell. Pure.

Each comes in every key of the ring, the current one first: rows written before a key rotation are still found. A
network or country is hashed together with the account, so that these rows don't link the accounts of one household.
"""

from sqlalchemy import ColumnElement, bindparam, false, or_

from authsvc.core.origin import Origin
from authsvc.core.sealing.cipher import Keyring

Indexes = tuple[bytes, ...]


def one_of(column: ColumnElement[bytes], name: str, count: int) -> ColumnElement[bool]:
    """Return the condition that the column holds one of `count` indexes, which `named` gives it.

    An ordinary parameter for each: an IN of any length is written out anew at every execution.
    """
    return or_(false(), *(column == bindparam(f"{name}_{number}") for number in range(count)))


def named(name: str, indexes: Indexes) -> dict[str, bytes]:
    return {f"{name}_{number}": index for number, index in enumerate(indexes)}


def network_indexes(keyring: Keyring, account_id: str, origin: Origin) -> Indexes:
    """Return the hashes of the origin's /24 or /48; none for what is no IP address."""
    try:
        network = origin.network
    except ValueError:
        return ()
    return keyring.indexes("risk-network", f"{account_id}|{network}")


def country_indexes(keyring: Keyring, account_id: str, country: str | None) -> Indexes:
    return () if country is None else keyring.indexes("risk-country", f"{account_id}|{country}")


def account_indexes(keyring: Keyring, account_key: str) -> Indexes:
    """Args: account_key as an account's id, or the address that was tried where there is no account."""
    return keyring.indexes("risk-failed-account", account_key)


def source_indexes(keyring: Keyring, origin: Origin) -> Indexes:
    """Return the hashes of the origin's IPv4 address or IPv6 /64."""
    try:
        source = origin.source
    except ValueError:
        source = origin.address
    return keyring.indexes("risk-failed-source", source)


def replay_indexes(keyring: Keyring, account_id: str, fingerprint: str) -> Indexes:
    return keyring.indexes("risk-typing", f"{account_id}|{fingerprint}")
