"""SQL for typing samples: one sealed row per account, field and kind of input; and the fingerprints of older ones."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, exists, select

from authsvc.core.database import insert_into
from authsvc.core.sealing.service import Vault
from authsvc.risk.history.indexes import Indexes
from authsvc.risk.keystroke.packing import KeptSample, pack, unpack
from authsvc.risk.keystroke.sample import TypingSample
from authsvc.risk.tables import typing_fingerprints, typing_profiles

MAX_FINGERPRINTS = 500  # a year of daily sign-ins, and more


@dataclass(frozen=True)
class StoredTyping:
    """What is kept of one account's typing of one field; `samples` are newest first, of one password version.

    `seen_before`: these very times were kept once, of whatever kind of input and version of the password.
    """

    samples: tuple[KeptSample, ...] = ()
    seen_before: bool = False


def find_typing(
    connection: Connection, vault: Vault, account_id: str, like: TypingSample, *, version: int, replay: Indexes
) -> StoredTyping:
    """Return what `like` can be compared with.

    Raises:
        CannotOpen: the sealed samples were altered.
        ValueError: they are no samples.
    """
    of_this_version = (*_of(account_id, like), typing_profiles.c.password_version == version)
    row = connection.execute(
        select(
            select(typing_profiles.c.samples_sealed).where(*of_this_version).scalar_subquery().label("sealed"),
            exists()
            .where(typing_fingerprints.c.account_id == account_id, typing_fingerprints.c.replay_hash.in_(replay))
            .label("seen_before"),
        )
    ).one()
    samples = _open(connection, vault, account_id, like, row.sealed) if row.sealed is not None else ()
    return StoredTyping(samples, bool(row.seen_before))


def keep_sample(
    connection: Connection, vault: Vault, account_id: str, kept: KeptSample, *, version: int, replay: Indexes
) -> None:
    """Put a sample in front of the ones kept; those of an older password are dropped. The same one twice is kept once.

    Raises:
        CannotOpen, ValueError: as find_typing.
    """
    row = connection.execute(
        select(typing_profiles.c.samples_sealed, typing_profiles.c.password_version)
        .where(*_of(account_id, kept.sample))
        .with_for_update()
    ).one_or_none()
    earlier: tuple[KeptSample, ...] = ()
    if row is not None and row.password_version == version:
        earlier = _open(connection, vault, account_id, kept.sample, row.samples_sealed)
    if _keep_fingerprint(connection, account_id, replay, kept.at):
        start_profile(connection, vault, account_id, (kept, *earlier), version=version)


def start_profile(
    connection: Connection, vault: Vault, account_id: str, kept: tuple[KeptSample, ...], *, version: int
) -> None:
    """Write these samples, newest first, in place of all that was kept of the same field and kind of input."""
    like, now = kept[0].sample, kept[0].at
    sealed = vault.seal_for(connection, account_id, pack(kept), context=_context(account_id, like), now=now)
    values = {"password_version": version, "samples_sealed": sealed, "updated_at": now}
    connection.execute(
        insert_into(connection, typing_profiles)
        .values(account_id=account_id, field=like.field.value, input_kind=like.input_kind.value, **values)
        .on_conflict_do_update(index_elements=["account_id", "field", "input_kind"], set_=values)
    )


def forget_typing(connection: Connection, account_id: str) -> None:
    """Delete every sample and fingerprint of the account."""
    for table in (typing_profiles, typing_fingerprints):
        connection.execute(delete(table).where(table.c.account_id == account_id))


def _keep_fingerprint(connection: Connection, account_id: str, replay: Indexes, now: datetime) -> bool:
    """Return whether it is a new one."""
    statement = (
        insert_into(connection, typing_fingerprints)
        .values(account_id=account_id, replay_hash=replay[0], at=now)
        .on_conflict_do_nothing()
        .returning(typing_fingerprints.c.at)
    )
    if connection.execute(statement).one_or_none() is None:
        return False
    # The boundary row comes from the index; without one there is nothing to drop.
    boundary = (
        select(typing_fingerprints.c.at)
        .where(typing_fingerprints.c.account_id == account_id)
        .order_by(typing_fingerprints.c.at.desc())
        .offset(MAX_FINGERPRINTS)
        .limit(1)
        .scalar_subquery()
    )
    connection.execute(
        delete(typing_fingerprints).where(
            typing_fingerprints.c.account_id == account_id, typing_fingerprints.c.at <= boundary
        )
    )
    return True


def _open(
    connection: Connection, vault: Vault, account_id: str, like: TypingSample, sealed: bytes
) -> tuple[KeptSample, ...]:
    packed = vault.open_for(connection, account_id, sealed, context=_context(account_id, like))
    return () if packed is None else unpack(packed, field=like.field, input_kind=like.input_kind)


def _of(account_id: str, like: TypingSample) -> tuple[ColumnElement[bool], ...]:
    return (
        typing_profiles.c.account_id == account_id,
        typing_profiles.c.field == like.field.value,
        typing_profiles.c.input_kind == like.input_kind.value,
    )


def _context(account_id: str, like: TypingSample) -> str:
    return f"typing_profiles:{account_id}:{like.field.value}:{like.input_kind.value}"
