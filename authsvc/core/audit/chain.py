"""The arithmetic of the audit chain: canonical events, links, and signed checkpoints.

    key_link, key_sign = HKDF-SHA256(audit key, info)
    mac(0)             = 32 zero bytes
    mac(seq)           = HMAC-SHA256(key_link, LINK || mac(seq - 1) || seq as 8 bytes || JCS(event))
    signature          = Ed25519(key_sign, CHECKPOINT || JCS({at, count, head}))        head = mac(count)

JCS is RFC 8785. The event's personal part enters as base64 of its ciphertext, so that the chain still verifies when
the key to it was destroyed. Both prefixes keep one kind of message from being taken for the other.

HMAC, because nobody without the key can recompute a link after editing a row: a plain hash they could. The audit key
is not in the database. Checkpoints are signed besides, so that somebody outside (an auditor, the keeper of the log)
can check with the public key alone that a checkpoint was ours, without being able to make one or to relink events.

Limits: whoever holds the audit key can rewrite everything after the last checkpoint that somebody else keeps. A link
says that an event was there when it was sealed, not that what it says is true. Pure.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

GENESIS = bytes(32)
LOG_EVENT = "audit.checkpoint"

_LINK = b"authsvc/audit-link/v1\x00"
_CHECKPOINT = b"authsvc/audit-checkpoint/v1\x00"


@dataclass(frozen=True)
class Event:
    """One row of audit_events, as it is sealed. `row` is its id in the database."""

    row: int
    event_id: str
    at: datetime
    tag: str
    account_id: str | None
    request_id: str | None
    facts: Any
    sealed: bytes | None


@dataclass(frozen=True)
class Checkpoint:
    """What the chain was at one moment: so many events, and the mac of the last of them."""

    count: int
    head: bytes
    at: datetime
    signature: bytes


@dataclass(frozen=True)
class ChainKeys:
    """The two keys that the audit key stands for."""

    link: bytes = field(repr=False)
    signing: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def derive(cls, audit_key: bytes) -> Self:
        return cls(
            link=_derive(audit_key, "authsvc/v1/audit/link"),
            signing=Ed25519PrivateKey.from_private_bytes(_derive(audit_key, "authsvc/v1/audit/checkpoint")),
        )

    @property
    def public(self) -> bytes:
        """The 32 bytes that check a checkpoint's signature."""
        return self.signing.public_key().public_bytes_raw()


def canonical(event: Event) -> bytes:
    """Return the bytes that stand for an event; any change to the event changes them."""
    form: dict[str, Any] = {
        "row": event.row,
        "event_id": event.event_id,
        "at": _time(event.at),
        "tag": event.tag,
        "account_id": event.account_id,
        "request_id": event.request_id,
        "sealed": None if event.sealed is None else base64.b64encode(event.sealed).decode(),
    }
    try:
        return rfc8785.dumps(form | {"facts": event.facts})
    except rfc8785.CanonicalizationError:
        # RFC 8785 knows no integers past 2**53 and no infinities. check_facts refuses them, but a row that was put
        # there by hand must not stop the sealer.
        return rfc8785.dumps(form | {"facts_as_text": json.dumps(event.facts, sort_keys=True)})


def check_facts(facts: Mapping[str, Any]) -> None:
    """Refuse facts that have no canonical form.

    Raises:
        ValueError: a key that is not text, an integer past 2**53, a value that is not JSON.
    """
    if not all(type(name) is str and name.isascii() and _is_plain(value) for name, value in facts.items()):
        rfc8785.dumps(dict(facts))


def _is_plain(value: Any) -> bool:
    """Return True for what always has a canonical form, and most facts are; the library looks at the rest."""
    if type(value) is str:
        return value.isascii()
    if type(value) is list:
        return all(_is_plain(each) for each in value)
    return value is None or type(value) is bool


def link(key: bytes, previous_mac: bytes, seq: int, event: Event) -> bytes:
    """Return the mac that links an event, as number `seq`, to all before it. `key` is ChainKeys.link."""
    return hmac.new(key, _LINK + previous_mac + seq.to_bytes(8) + canonical(event), hashlib.sha256).digest()


def sign_checkpoint(keys: ChainKeys, *, count: int, head: bytes, at: datetime) -> Checkpoint:
    """Return the signed checkpoint of a chain whose event number `count` has the mac `head`."""
    return Checkpoint(count, head, at, keys.signing.sign(_signed_bytes(count, head, at)))


def is_genuine(public_key: bytes, checkpoint: Checkpoint) -> bool:
    """Tell whether the holder of the audit key signed this checkpoint."""
    message = _signed_bytes(checkpoint.count, checkpoint.head, checkpoint.at)
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(checkpoint.signature, message)
    except InvalidSignature:
        return False
    return True


def as_log_fields(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return a checkpoint as the fields of its log line."""
    return {
        "count": checkpoint.count,
        "head": checkpoint.head.hex(),
        "at": _time(checkpoint.at),
        "signature": checkpoint.signature.hex(),
    }


def from_log(lines: Iterable[str]) -> Iterator[Checkpoint]:
    """Yield the checkpoints in a log stream; whatever else it holds, torn lines too, is passed over.

    A line may have a prefix before its JSON, as journald and container logs write it.
    """
    for line in lines:
        if LOG_EVENT not in line:
            continue
        try:
            fields = json.loads(line[line.index("{") :])
            if fields["event"] == LOG_EVENT:
                yield _from_log_fields(fields)
        except (ValueError, KeyError, TypeError):
            continue


def _from_log_fields(fields: Mapping[str, Any]) -> Checkpoint:
    return Checkpoint(
        count=int(fields["count"]),
        head=bytes.fromhex(fields["head"]),
        at=datetime.fromisoformat(fields["at"]).astimezone(UTC),
        signature=bytes.fromhex(fields["signature"]),
    )


def _signed_bytes(count: int, head: bytes, at: datetime) -> bytes:
    return _CHECKPOINT + rfc8785.dumps({"count": count, "head": head.hex(), "at": _time(at)})


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _derive(key: bytes, info: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=info.encode()).derive(key)
