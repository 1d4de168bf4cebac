"""SQL for completed sign-ins: how many, when last, and from which networks and countries.

An account keeps MAX_NETWORKS networks, the ones used last, so the cost does not grow with its history.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    Row,
    Update,
    bindparam,
    delete,
    exists,
    func,
    select,
    update,
)

from authsvc.core.database import insert_into, noted, write_at_end, written_once
from authsvc.risk.context import Seen
from authsvc.risk.history.indexes import Indexes, named, one_of
from authsvc.risk.tables import account_history, known_networks

MAX_NETWORKS = 50
_KNOWN = "known_networks"


@dataclass(frozen=True)
class SignIns:
    """An account's history as one sign-in sees it."""

    count: int = 0
    last_at: datetime | None = None
    network: Seen = Seen.UNKNOWN
    country: Seen = Seen.UNKNOWN


def _any_network(*which: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(known_networks.c.account_id == bindparam("account_id"), *which)


def columns(networks: int, countries: int) -> tuple[ColumnElement[Any], ...]:
    """Return what `sign_ins_of` reads, for an account_id that is joined to account_history (look_up.py).

    Args: how many indexes of the network and of the country there are, which `named` gives.
    """
    return (
        account_history.c.sign_ins,
        account_history.c.last_sign_in_at,
        _any_network().label("networks"),
        _any_network(one_of(known_networks.c.network_index, "network", networks)).label("network"),
        _any_network(known_networks.c.country_index.is_not(None)).label("countries"),
        _any_network(one_of(known_networks.c.country_index, "country", countries)).label("country"),
    )


def sign_ins_of(row: Row[Any], *, network: Indexes, country: Indexes) -> SignIns:
    """Return what is known of the account, and whether this network and country are."""
    if row.sign_ins is None:
        return SignIns()
    return SignIns(
        row.sign_ins,
        row.last_sign_in_at,
        _seen(comparable=bool(network) and row.networks, found=row.network),
        _seen(comparable=bool(country) and row.countries, found=row.country),
    )


# Built once, for so many keys in the ring: writing a statement down costs more than running it.
@cache
def _see_network(networks: int) -> Update:
    return (
        update(known_networks)
        .where(
            known_networks.c.account_id == bindparam("account"),
            one_of(known_networks.c.network_index, "network", networks),
        )
        .values(
            last_seen_at=bindparam("now"),
            count=known_networks.c.count + 1,
            country_index=func.coalesce(bindparam("country", type_=LargeBinary), known_networks.c.country_index),
        )
    )


_COUNT = written_once(
    account_history,
    lambda made: made.on_conflict_do_update(
        index_elements=["account_id"],
        set_={"sign_ins": account_history.c.sign_ins + 1, "last_sign_in_at": made.excluded.last_sign_in_at},
    ).returning(account_history.c.sign_ins),
)


def note_network(connection: Connection, account_id: str, network: Indexes) -> None:
    """Say that this transaction has found the network known: `remember_network` need not ask."""
    noted(connection)[_KNOWN, account_id] = network


def count_sign_in(connection: Connection, account_id: str, *, now: datetime) -> int:
    """Count one completed sign-in; return how many there are now."""
    first = {"account_id": account_id, "sign_ins": 1, "last_sign_in_at": now}
    return int(connection.execute(_COUNT[connection.dialect.name], first).scalar_one())


def remember_network(
    connection: Connection, account_id: str, *, network: Indexes, country: Indexes, now: datetime
) -> None:
    """Make a network, and the country it is in, known to the account."""
    if not network:
        return
    here = {"account": account_id, "country": country[0] if country else None, "now": now} | named("network", network)
    if noted(connection).get((_KNOWN, account_id)) == network:
        write_at_end(connection, _see_network(len(network)), here)
        return
    if connection.execute(_see_network(len(network)), here).rowcount:
        return
    connection.execute(
        insert_into(connection, known_networks)
        .values(
            account_id=account_id,
            network_index=network[0],
            country_index=country[0] if country else None,
            first_seen_at=now,
            last_seen_at=now,
            count=1,
        )
        .on_conflict_do_nothing()  # another sign-in was first
    )
    newest = (
        select(known_networks.c.network_index)
        .where(known_networks.c.account_id == account_id)
        .order_by(known_networks.c.last_seen_at.desc())
        .limit(MAX_NETWORKS)
    )
    connection.execute(
        delete(known_networks).where(
            known_networks.c.account_id == account_id, known_networks.c.network_index.not_in(newest)
        )
    )


def forget_sign_ins(connection: Connection, account_id: str) -> None:
    for table in (known_networks, account_history):
        connection.execute(delete(table).where(table.c.account_id == account_id))


def _seen(*, comparable: bool, found: bool) -> Seen:
    if not comparable:
        return Seen.UNKNOWN
    return Seen.KNOWN if found else Seen.NEW
