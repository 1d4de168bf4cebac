"""Samples as bytes to be sealed, newest first, padded so that the length does not tell how long a password is. Pure.

    version (1 byte) || count (1) || samples || zeros up to a multiple of BLOCK
    sample: time (8, microseconds since 1970) || number of keys (2) || per key: press (4), release (4)

Twenty samples of a password of up to 49 keys fill one block.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from authsvc.risk.keystroke.sample import InputKind, TypedField, TypingSample

BLOCK = 8192
VERSION = 1
KEPT = 20  # samples of one profile

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HEAD = struct.Struct("<BB")
_SAMPLE = struct.Struct("<qH")
_KEY = struct.Struct("<II")


@dataclass(frozen=True)
class KeptSample:
    at: datetime
    sample: TypingSample


def pack(kept: Sequence[KeptSample]) -> bytes:
    """Return at most KEPT samples, the first ones, as bytes."""
    kept = kept[:KEPT]
    parts = [_HEAD.pack(VERSION, len(kept))]
    for each in kept:
        parts.append(_SAMPLE.pack((each.at - _EPOCH) // timedelta(microseconds=1), len(each.sample.events)))
        parts.extend(_KEY.pack(press, release) for press, release in each.sample.events)
    packed = b"".join(parts)
    return packed + bytes(-len(packed) % BLOCK)


def unpack(packed: bytes, *, field: TypedField, input_kind: InputKind) -> tuple[KeptSample, ...]:
    """Return what `pack` packed.

    Raises:
        ValueError: it is something else.
    """
    try:
        version, count = _HEAD.unpack_from(packed)
        if version != VERSION:
            raise ValueError(f"packed samples of version {version}")
        offset, kept = _HEAD.size, []
        for _ in range(count):
            at_us, keys = _SAMPLE.unpack_from(packed, offset)
            offset += _SAMPLE.size
            times = struct.unpack_from(f"<{2 * keys}I", packed, offset)
            events = tuple(zip(times[::2], times[1::2], strict=True))
            offset += keys * _KEY.size
            at = _EPOCH + timedelta(microseconds=at_us)
            kept.append(KeptSample(at, TypingSample(field, input_kind, events)))
        return tuple(kept)
    except (struct.error, OverflowError) as problem:
        raise ValueError("not packed samples") from problem
