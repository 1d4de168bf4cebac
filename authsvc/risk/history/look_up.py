"""All that a decision asks of one account's history, and the key that opens its sealed parts: one statement.

Its parts are written down where they belong; here they are joined, because each answer of a database across a network
is waited for. One row comes back, whether or not anything is known of the account.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Select, bindparam, literal, null, select

from authsvc.core.origin import Origin
from authsvc.core.sealing.service import Vault, sealed_key_of
from authsvc.risk.context import FailureCounts, Seen
from authsvc.risk.history import failures, indexes, sign_ins
from authsvc.risk.history.behaviour.store import sealed_profile_of
from authsvc.risk.history.sign_ins import SignIns
from authsvc.risk.tables import account_history


@dataclass(frozen=True)
class History:
    """What is known; the profile is sealed, and None where it was not asked for or there is none."""

    sign_ins: SignIns
    failures: FailureCounts
    profile_sealed: bytes | None


@cache  # for so many keys in the ring: writing a statement down costs more than running it
def _statement(keys: int, networks: int, countries: int, *, with_profile: bool) -> Select[Any]:
    account_id: BindParameter[str] = bindparam("account_id")
    always = select(literal(1).label("one")).subquery()
    columns: list[ColumnElement[Any]] = [
        *failures.columns(keys),
        *sign_ins.columns(networks, countries),
        (sealed_profile_of(account_id) if with_profile else null()).label("profile_sealed"),
        sealed_key_of(account_id).label("sealed_key"),
    ]
    return select(*columns).select_from(always.outerjoin(account_history, account_history.c.account_id == account_id))


def find_history(
    connection: Connection,
    vault: Vault,
    account_id: str,
    *,
    origin: Origin,
    country: str | None,
    with_profile: bool,
    now: datetime,
) -> History:
    """Return what is known of the account, of sign-ins like this one, and of recent failures from there."""
    ring = vault.keyring
    network = indexes.network_indexes(ring, account_id, origin)
    there = indexes.country_indexes(ring, account_id, country)
    account, source = indexes.account_indexes(ring, account_id), indexes.source_indexes(ring, origin)
    row = connection.execute(
        _statement(len(account), len(network), len(there), with_profile=with_profile),
        {
            "account_id": account_id,
            **indexes.named("network", network),
            **indexes.named("country", there),
            **failures.values(account=account, source=source, now=now),
        },
    ).one()
    vault.note_key(connection, account_id, row.sealed_key)
    seen = sign_ins.sign_ins_of(row, network=network, country=there)
    if seen.network is Seen.KNOWN:
        sign_ins.note_network(connection, account_id, network)
    return History(
        seen,
        FailureCounts(*row[:5]),
        None if row.profile_sealed is None else bytes(row.profile_sealed),
    )
