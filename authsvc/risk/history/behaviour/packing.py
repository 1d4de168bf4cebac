"""A profile as bytes to be sealed. Pure.

    version (1 byte) || salt (32) || sign-ins (8) || time (8) || place (1, and 32 where there is one)
    || features (1): number (1), values (1): key (8), weight (4), time (4), parent (8)
    || lines (1): key (8), weight (4), mean (4), squares (4), time (4)

Times are seconds since 1970. The salt is the key under which this account's values are hashed (keys.py): sealed with
them, and gone with them. 64 values of each of ten features are 15 kB.
"""

import struct
from collections.abc import Mapping

from authsvc.risk.history.behaviour.profile import Count, Line, Profile
from authsvc.risk.history.behaviour.sighting import Feature, Place

VERSION = 1
SALT_BYTES = 32

# Stored: a number is never given another sense.
NUMBERS: Mapping[Feature, int] = {
    Feature.COUNTRY: 1,
    Feature.PROVIDER: 2,
    Feature.NETWORK: 3,
    Feature.DEVICE: 4,
    Feature.SYSTEM: 5,
    Feature.BROWSER: 6,
    Feature.HOUR: 7,
    Feature.LANGUAGE: 8,
    Feature.ZONE: 9,
}
_FEATURES = {number: feature for feature, number in NUMBERS.items()}

_HEAD = struct.Struct(f"<B{SALT_BYTES}sddB")
_PLACE = struct.Struct("<dddd")
_VALUE = struct.Struct("<QfIQ")
_LINE = struct.Struct("<QfffI")
_TWO = struct.Struct("<BB")
_LATEST = 2**32 - 1


def pack(profile: Profile, salt: bytes) -> bytes:
    """Return the profile and its salt as bytes."""
    place = profile.last_place
    parts = [_HEAD.pack(VERSION, salt, profile.sign_ins, profile.at_s, place is not None)]
    if place is not None:
        parts.append(_PLACE.pack(place.latitude, place.longitude, place.radius_km, profile.last_place_at_s or 0.0))
    parts.append(bytes([len(profile.counts)]))
    for feature, values in profile.counts.items():
        parts.append(_TWO.pack(NUMBERS[feature], len(values)))
        parts.extend(_VALUE.pack(key, each.weight, _second(each.at_s), each.parent) for key, each in values.items())
    parts.append(bytes([len(profile.lines)]))
    parts.extend(
        _LINE.pack(key, each.weight, each.mean, each.squares, _second(each.at_s)) for key, each in profile.lines.items()
    )
    return b"".join(parts)


def unpack(packed: bytes) -> tuple[Profile, bytes]:
    """Return what `pack` packed.

    Raises:
        ValueError: it is something else.
    """
    try:
        version, salt, sign_ins, at_s, placed = _HEAD.unpack_from(packed)
        if version != VERSION:
            raise ValueError(f"a packed profile of version {version}")
        offset = _HEAD.size
        place = place_at = None
        if placed:
            latitude, longitude, radius, place_at = _PLACE.unpack_from(packed, offset)
            place, offset = Place(latitude, longitude, radius), offset + _PLACE.size
        counts: dict[Feature, dict[int, Count]] = {}
        features, offset = packed[offset], offset + 1
        for _ in range(features):
            number, values = _TWO.unpack_from(packed, offset)
            offset += _TWO.size
            end = offset + values * _VALUE.size
            counts[_FEATURES[number]] = {
                key: Count(weight, at, parent)
                for key, weight, at, parent in _VALUE.iter_unpack(_exactly(packed, offset, end))
            }
            offset = end
        lines, offset = packed[offset], offset + 1
        of_lines = _exactly(packed, offset, offset + lines * _LINE.size)
        measured = {key: Line(*rest) for key, *rest in _LINE.iter_unpack(of_lines)}
        return Profile(counts, measured, place, place_at, sign_ins, at_s), salt
    except (struct.error, IndexError, KeyError) as problem:
        raise ValueError("not a packed profile") from problem


def _exactly(packed: bytes, start: int, end: int) -> bytes:
    if end > len(packed):
        raise ValueError("a packed profile that was cut")
    return packed[start:end]


def _second(at_s: float) -> int:
    return min(max(int(at_s), 0), _LATEST)
