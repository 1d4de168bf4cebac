"""What one sign-in shows of itself, in canonical words. Pure.

A value that is missing or can't be read is absent: unknown is neither safe nor suspicious. Values of one chain are
conditional on the one before (the provider on the country, the network on the provider), so that what they say is not
counted twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import asin, cos, isfinite, radians, sin, sqrt

HOURS_A_BIN = 3
WEEK_BINS = 7 * 24 // HOURS_A_BIN
EARTH_KM = 6371.0
MAX_ROUND_TRIP_MS = 60_000.0
MAX_VALUE = 120  # characters of a value; longer ones are not values of ours


class Feature(StrEnum):
    """What is counted. The names are stored: never give one another sense."""

    COUNTRY = "country"
    PROVIDER = "provider"  # autonomous system
    NETWORK = "network"  # /24 or /48
    DEVICE = "device"  # desktop, mobile, tablet
    SYSTEM = "system"  # Windows, iOS: no version, because those come and go
    BROWSER = "browser"  # Firefox
    HOUR = "hour"  # three hours of the week
    LANGUAGE = "language"
    ZONE = "zone"  # time zone


# Each feature's parent; None: it stands alone. A parent that is unknown is skipped.
PARENTS: Mapping[Feature, Feature | None] = {
    Feature.COUNTRY: None,
    Feature.PROVIDER: Feature.COUNTRY,
    Feature.NETWORK: Feature.PROVIDER,
    Feature.DEVICE: None,
    Feature.SYSTEM: Feature.DEVICE,
    Feature.BROWSER: Feature.SYSTEM,
    Feature.HOUR: None,
    Feature.LANGUAGE: None,
    Feature.ZONE: None,
}


@dataclass(frozen=True)
class Place:
    """Where an address seems to be; it lies within the radius two times of three (MaxMind's `accuracy_radius`)."""

    latitude: float
    longitude: float
    radius_km: float

    def km_to(self, other: "Place") -> float:
        """Return the distance of the two middles along the great circle (haversine)."""
        north, other_north = radians(self.latitude), radians(other.latitude)
        half = sin((other_north - north) / 2) ** 2
        half += cos(north) * cos(other_north) * sin(radians(other.longitude - self.longitude) / 2) ** 2
        return 2 * EARTH_KM * asin(min(1.0, sqrt(half)))


@dataclass(frozen=True)
class Sighting:
    """One sign-in. `values` are canonical texts; a child's text names its parents, so that two never meet by chance."""

    at_s: float  # since 1970
    values: Mapping[Feature, str]
    round_trip_ms: float | None = None
    place: Place | None = None

    @property
    def line(self) -> str | None:
        """What a round-trip time depends on: the provider, or the country where that is unknown."""
        return self.values.get(Feature.PROVIDER) or self.values.get(Feature.COUNTRY)

    def parent_of(self, feature: Feature) -> Feature | None:
        """Return the nearest known feature above."""
        parent = PARENTS[feature]
        while parent is not None and parent not in self.values:
            parent = PARENTS[parent]
        return parent


def sighting(
    at: datetime,
    shown: Mapping[Feature, str | None],
    *,
    round_trip_ms: float | None = None,
    place: Place | None = None,
) -> Sighting:
    """Return a sign-in as it is counted; what is missing, overlong or out of range is left out."""
    bin_of_week = at.weekday() * (24 // HOURS_A_BIN) + at.hour // HOURS_A_BIN
    values = {Feature.HOUR: str(bin_of_week)}
    for feature in PARENTS:
        text = shown.get(feature)
        if text and len(text) <= MAX_VALUE and text.isprintable():
            values[feature] = text
    measured = round_trip_ms is not None and isfinite(round_trip_ms) and 0 < round_trip_ms <= MAX_ROUND_TRIP_MS
    return Sighting(at.timestamp(), values, round_trip_ms if measured else None, _sound(place))


def _sound(place: Place | None) -> Place | None:
    if place is None or not all(map(isfinite, (place.latitude, place.longitude, place.radius_km))):
        return None
    inside = abs(place.latitude) <= 90 and abs(place.longitude) <= 180 and 0 <= place.radius_km <= 20_000
    return place if inside else None
