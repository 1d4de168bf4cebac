"""Countries, cities, providers and their pools of /24 networks. Pure.

Every country has CITIES cities and PROVIDERS providers, so that ids are arithmetic: city = country * CITIES + place,
provider = country * PROVIDERS + one of fixed lines (the first FIXED), phones (the next PHONES) and hosting (the rest).
A fixed line's pool is of one city, the others' are of the whole country. Numbers of networks are invented, nobody's.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Code, latitude and longitude of about its middle, share of the sign-ins of attackers who come from anywhere. The
# first is the shop's own country and where the server stands. Shares: our assumption.
COUNTRIES = (
    ("NL", 52.2, 5.3, 0.04),
    ("BE", 50.6, 4.7, 0.02),
    ("DE", 51.1, 10.4, 0.06),
    ("FR", 46.6, 2.4, 0.05),
    ("GB", 53.0, -1.6, 0.05),
    ("ES", 40.2, -3.6, 0.03),
    ("IT", 42.8, 12.1, 0.03),
    ("PL", 52.1, 19.4, 0.03),
    ("SE", 62.0, 15.0, 0.02),
    ("NO", 61.0, 8.8, 0.01),
    ("PT", 39.6, -8.0, 0.01),
    ("GR", 39.0, 22.9, 0.01),
    ("RO", 45.9, 25.0, 0.04),
    ("TR", 39.1, 35.2, 0.05),
    ("UA", 49.0, 31.4, 0.04),
    ("RU", 55.8, 37.6, 0.10),
    ("US", 39.8, -98.6, 0.14),
    ("CA", 49.8, -96.0, 0.02),
    ("BR", -10.8, -53.1, 0.06),
    ("IN", 22.9, 79.6, 0.06),
    ("CN", 36.6, 103.8, 0.06),
    ("ID", -2.2, 117.3, 0.03),
    ("VN", 16.6, 106.3, 0.02),
    ("NG", 9.6, 8.1, 0.02),
)
CITIES = 12
FIXED, PHONES, HOSTING = 4, 3, 3
PROVIDERS = FIXED + PHONES + HOSTING
MARKET = (0.42, 0.30, 0.18, 0.10)  # shares of the fixed lines' providers
PHONE_MARKET = (0.45, 0.33, 0.22)
PHONE_POOL = 160  # /24 networks of one phone provider, for the whole country
HOSTING_POOL = 48
FIRST_NETWORK = 0x0B0000  # 11.0.0.0/24; from there on one by one
FIRST_ASN = 64_000


@dataclass(frozen=True)
class World:
    """Where networks are: pool_start and pool_size by (provider, place)."""

    pool_start: Ints
    pool_size: Ints
    round_trip_ms: Floats  # from the country's middle to the server, by light in fibre and detours

    def network(self, provider: Ints, place: Ints, draw: Ints) -> Ints:
        """Return a /24 of the provider's pool there; the same draw gives the same network."""
        return FIRST_NETWORK + self.pool_start[provider, place] + draw % self.pool_size[provider, place]


def make_world(rng: Generator) -> World:
    """Return a world; the shop's own country has the larger pools."""
    providers = len(COUNTRIES) * PROVIDERS
    kind = np.arange(providers) % PROVIDERS
    home = (np.arange(providers) < PROVIDERS)[:, None]
    # Large cities and large providers have more networks.
    city = 1 / np.arange(1, CITIES + 1) ** 0.7
    market = np.array([*MARKET, *[0.2] * (PHONES + HOSTING)])[kind][:, None]
    lines = np.ceil(rng.lognormal(0, 0.3, (providers, CITIES)) * np.where(home, 320, 60) * market * city).astype(
        np.int64
    )
    size = np.where((kind < FIXED)[:, None], np.maximum(lines, 6), 0)
    national = np.where(kind < FIXED + PHONES, PHONE_POOL, HOSTING_POOL)
    of_city = np.where((kind < FIXED)[:, None], size, 0)
    taken = np.where(kind < FIXED, of_city.sum(axis=1), national)
    start = np.concatenate([[0], np.cumsum(taken)[:-1]])
    within = np.concatenate([np.zeros((providers, 1), np.int64), np.cumsum(of_city, axis=1)[:, :-1]], axis=1)
    size = np.where((kind < FIXED)[:, None], size, national[:, None])
    places = np.radians([(latitude, longitude) for _, latitude, longitude, _ in COUNTRIES])
    north, east = places[:, 0], places[:, 1]
    across = np.sin(north) * np.sin(north[0]) + np.cos(north) * np.cos(north[0]) * np.cos(east - east[0])
    km = 6371 * np.arccos(np.clip(across, -1, 1))
    return World(start[:, None] + within, size, 4 + 2 * 1.6 * km / 200)  # 200 km/ms, and no cable runs straight


def mix(*parts: Ints | int) -> Ints:
    """Return a well-mixed number of 0 to 2**62 from whole numbers (splitmix64): the same for the same."""
    state: NDArray[np.uint64] = np.array(0x9E3779B97F4A7C15, np.uint64)
    with np.errstate(over="ignore"):
        for part in parts:
            state = (state ^ np.asarray(part).astype(np.uint64)) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state = state ^ (state >> np.uint64(31))
    return np.asarray(state >> np.uint64(2), np.int64)


def pick(rng: Generator, shares: tuple[float, ...] | Floats, size: int) -> Ints:
    """Return indexes drawn by their shares."""
    return rng.choice(len(shares), size, p=np.asarray(shares) / np.sum(shares)).astype(np.int64)
