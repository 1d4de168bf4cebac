"""Values as numbers that tell nothing: an account's under its own key, everybody's as cells of bounded tables. Pure.

    account     BLAKE2b(feature || value) keyed with the profile's salt, 64 bits
    population  HMAC-SHA256(deployment key, feature || value), the first 64 bits modulo the feature's number of cells

Hours are no secret and are not hashed: their key is the three hours of the week, plus 1.
"""

from collections.abc import Callable, Mapping
from hashlib import blake2b

from authsvc.core.sealing.cipher import Keyring
from authsvc.risk.history.behaviour.packing import NUMBERS
from authsvc.risk.history.behaviour.profile import Key, Shown
from authsvc.risk.history.behaviour.sighting import Feature, Sighting

KEY_BYTES = 8
FEATURE_BITS = 20  # cells of one feature, and its total, lie below 2 ** FEATURE_BITS
CELLS: Mapping[Feature, int] = {Feature.NETWORK: 2**18, Feature.PROVIDER: 2**14}
OTHER_CELLS = 2**10
TOTAL = 2**FEATURE_BITS - 1

PURPOSE = "risk-population"


def for_account(sighting: Sighting, salt: bytes) -> Shown:
    """Return the sighting under the account's own key."""

    def key(feature: Feature, text: str) -> Key:
        hashed = blake2b(text.encode(), key=salt, digest_size=KEY_BYTES, person=feature.encode())
        return int.from_bytes(hashed.digest()) or 1

    return _shown(sighting, key)


def for_population(sighting: Sighting, keyring: Keyring) -> tuple[Shown, ...]:
    """Return the sighting as cells, under every key of the ring, the current one first."""
    hashed: dict[Feature, tuple[bytes, ...]] = {
        feature: keyring.indexes(PURPOSE, f"{feature}|{text}")
        for feature, text in sighting.values.items()
        if feature is not Feature.HOUR
    }

    def under(number: int) -> Callable[[Feature, str], Key]:
        def cell(feature: Feature, _: str) -> Key:
            index = hashed[feature][number]
            return int.from_bytes(index[:KEY_BYTES]) % CELLS.get(feature, OTHER_CELLS) + 1

        return cell

    return tuple(_shown(sighting, under(number)) for number in range(len(keyring.keys)))


def cell_of(feature: Feature, key: Key) -> int:
    """Return where a population key is counted."""
    return (NUMBERS[feature] << FEATURE_BITS) + key


def _shown(sighting: Sighting, key: Callable[[Feature, str], Key]) -> Shown:
    keys = {
        feature: int(text) + 1 if feature is Feature.HOUR else key(feature, text)
        for feature, text in sighting.values.items()
    }
    above = {feature: parent for feature in keys if (parent := sighting.parent_of(feature)) is not None}
    return Shown(sighting.at_s, keys, above, sighting.round_trip_ms, _line(keys), sighting.place)


def _line(keys: Mapping[Feature, Key]) -> Key:
    return keys.get(Feature.PROVIDER) or keys.get(Feature.COUNTRY) or 0
