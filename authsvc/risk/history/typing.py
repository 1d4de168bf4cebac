"""SQL for typing samples: one sealed row per account, field and kind of input; and the fingerprints of older ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, exists, select

from authsvc.core.database import written_once
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


_of_profile = (
    typing_profiles.c.account_id == bindparam("account_id"),
    typing_profiles.c.field == bindparam("field"),
    typing_profiles.c.input_kind == bindparam("input_kind"),
)
# Built once: writing a statement down costs more than running it.
_FIND = select(
    select(typing_profiles.c.samples_sealed)
    .where(*_of_profile, typing_profiles.c.password_version == bindparam("version"))
    .scalar_subquery()
    .label("sealed"),
    exists()
    .where(
        typing_fingerprints.c.account_id == bindparam("account_id"),
        typing_fingerprints.c.replay_hash.in_(bindparam("replay", expanding=True)),
    )
    .label("seen_before"),
)
_LOCK = (
    select(typing_profiles.c.samples_sealed, typing_profiles.c.password_version).where(*_of_profile).with_for_update()
)

_WRITE = written_once(
    typing_profiles,
    lambda made: made.on_conflict_do_update(
        index_elements=["account_id", "field", "input_kind"],
        set_={
            "password_version": made.excluded.password_version,
            "samples_sealed": made.excluded.samples_sealed,
            "updated_at": made.excluded.updated_at,
        },
    ),
)
_KEEP_FINGERPRINT = written_once(
    typing_fingerprints, lambda made: made.on_conflict_do_nothing().returning(typing_fingerprints.c.at)
)
# The boundary row comes from the index; without one there is nothing to drop.
_boundary = (
    select(typing_fingerprints.c.at)
    .where(typing_fingerprints.c.account_id == bindparam("account"))
    .order_by(typing_fingerprints.c.at.desc())
    .offset(MAX_FINGERPRINTS)
    .limit(1)
    .scalar_subquery()
)
_DROP_OLD_FINGERPRINTS = delete(typing_fingerprints).where(
    typing_fingerprints.c.account_id == bindparam("account"), typing_fingerprints.c.at <= _boundary
)


def find_typing(
    connection: Connection, vault: Vault, account_id: str, like: TypingSample, *, version: int, replay: Indexes
) -> StoredTyping:
    """Return what `like` can be compared with.

    Raises:
        CannotOpen: the sealed samples were altered.
        ValueError: they are no samples.
    """
    values = {**_key(account_id, like), "version": version, "replay": replay}
    row = connection.execute(_FIND, values).one()
    samples = _open(connection, vault, account_id, like, row.sealed) if row.sealed is not None else ()
    return StoredTyping(samples, bool(row.seen_before))


def keep_sample(
    connection: Connection,
    vault: Vault,
    account_id: str,
    kept: KeptSample,
    *,
    version: int,
    replay: Indexes,
    of_a_person: Callable[[Sequence[TypingSample]], bool],
) -> None:
    """Put a sample in front of the ones kept; those of an older password are dropped. The same one twice is kept once.

    Args:
        of_a_person: whether the sample is one to learn from, beside these that are kept.

    Raises:
        CannotOpen, ValueError: as find_typing.
    """
    row = connection.execute(_LOCK, _key(account_id, kept.sample)).one_or_none()
    earlier: tuple[KeptSample, ...] = ()
    if row is not None and row.password_version == version:
        earlier = _open(connection, vault, account_id, kept.sample, row.samples_sealed)
    if not of_a_person([each.sample for each in earlier]):
        return
    if _keep_fingerprint(connection, account_id, replay, kept.at):
        start_profile(connection, vault, account_id, (kept, *earlier), version=version)


def start_profile(
    connection: Connection, vault: Vault, account_id: str, kept: tuple[KeptSample, ...], *, version: int
) -> None:
    """Write these samples, newest first, in place of all that was kept of the same field and kind of input."""
    like, now = kept[0].sample, kept[0].at
    sealed = vault.seal_for(connection, account_id, pack(kept), context=_context(account_id, like), now=now)
    values = {"password_version": version, "samples_sealed": sealed, "updated_at": now}
    connection.execute(_WRITE[connection.dialect.name], {**_key(account_id, like), **values})


def forget_typing(connection: Connection, account_id: str) -> None:
    """Delete every sample and fingerprint of the account."""
    for table in (typing_profiles, typing_fingerprints):
        connection.execute(delete(table).where(table.c.account_id == account_id))


def _keep_fingerprint(connection: Connection, account_id: str, replay: Indexes, now: datetime) -> bool:
    """Return whether it is a new one."""
    values = {"account_id": account_id, "replay_hash": replay[0], "at": now}
    if connection.execute(_KEEP_FINGERPRINT[connection.dialect.name], values).one_or_none() is None:
        return False
    connection.execute(_DROP_OLD_FINGERPRINTS, {"account": account_id})
    return True


def _open(
    connection: Connection, vault: Vault, account_id: str, like: TypingSample, sealed: bytes
) -> tuple[KeptSample, ...]:
    packed = vault.open_for(connection, account_id, sealed, context=_context(account_id, like))
    return () if packed is None else unpack(packed, field=like.field, input_kind=like.input_kind)


def _key(account_id: str, like: TypingSample) -> dict[str, str]:
    return {"account_id": account_id, "field": like.field.value, "input_kind": like.input_kind.value}


def _context(account_id: str, like: TypingSample) -> str:
    return f"typing_profiles:{account_id}:{like.field.value}:{like.input_kind.value}"
