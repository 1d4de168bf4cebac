"""Households, where they live and work, and the devices of their members. Pure. Constants: our assumptions, see
__init__.py."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from authsvc.evaluate.simulated_logins.world import (
    CITIES,
    FIXED,
    MARKET,
    PHONE_MARKET,
    PROVIDERS,
    Floats,
    Ints,
    mix,
    pick,
)

HOUSEHOLDS = (0.38, 0.33, 0.13, 0.16)  # of 1, 2, 3, 4 members who are customers
AT_HOME = 0.94  # live in the shop's own country
LEASE_DAYS, LEASES = np.array([3, 30, 240]), (0.12, 0.33, 0.55)
EMPLOYED = 0.55
PER_OFFICE = 25  # customers behind one company's address, on average
SIGN_INS_A_DAY, SPREAD, MOST_A_DAY = 1 / 9, 0.9, 2.0  # median, log-normal, bound
PHONE_YEARS = 2.7  # until somebody has a new one
TRIP_EVERY_DAYS, TRIP_DAYS = 130, 8

COMPUTER, PHONE, TABLET, OFFICE = range(4)
OWNED = (0.8, 0.95, 0.25)  # of the first three; somebody with none has a phone

# Kind, system, browser, share among devices of its slot.
AGENTS = (
    ("desktop", "Windows 10", "Chrome"),
    ("desktop", "Windows 10", "Edge"),
    ("desktop", "Windows 10", "Firefox"),
    ("desktop", "Mac OS X 10.15.7", "Safari"),
    ("desktop", "Mac OS X 10.15.7", "Chrome"),
    ("desktop", "Linux", "Firefox"),
    ("mobile", "iOS", "Mobile Safari"),
    ("mobile", "Android 10", "Chrome Mobile"),
    ("mobile", "Android 10", "Samsung Internet"),
    ("mobile", "Android 10", "Firefox Mobile"),
    ("tablet", "iOS", "Mobile Safari"),
    ("tablet", "Android 10", "Chrome Mobile"),
)
SHARES = np.array(
    [
        [0.50, 0.16, 0.09, 0.13, 0.09, 0.03, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0.42, 0.42, 0.13, 0.03, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.62, 0.38],
        [0.55, 0.33, 0.05, 0.03, 0.04, 0, 0, 0, 0, 0, 0, 0],
    ]
)
LAGS = (0.55, 0.22, 0.10, 0.05, 0.08)  # of 0, 1, 2, 3, 9 updates


@dataclass(frozen=True)
class People:
    """Everybody, by user; devices by (user, slot)."""

    country: Ints
    place: Ints  # city within the country
    household: Ints
    provider: Ints  # of the fixed line
    lease_days: Ints
    phone_provider: Ints
    office: Ints  # -1: none
    a_day: Floats
    hour: Floats  # when they like to come
    agent: Ints
    lag: Ints
    line_ms: Floats  # what their own line adds
    owns: Floats  # how much they use each slot


def make_people(rng: Generator, users: int) -> People:
    """Return so many people, in households."""
    sizes = pick(rng, HOUSEHOLDS, users) + 1  # as many households at most
    household = np.repeat(np.arange(users), sizes)[:users]
    homes = users

    def shared(values: Ints | Floats) -> Ints:
        return values[household].astype(np.int64)

    country = shared(np.where(rng.random(homes) < AT_HOME, 0, rng.integers(1, 12, homes)))
    place = shared(pick(rng, 1 / np.arange(1, CITIES + 1) ** 0.9, homes))
    lease = shared(LEASE_DAYS[pick(rng, LEASES, homes)])
    provider = country * PROVIDERS + shared(pick(rng, MARKET, homes))
    offices = max(1, int(users * EMPLOYED / PER_OFFICE))
    works = (rng.random(users) < EMPLOYED) & (country == 0)
    # Offices have sizes as uneven as companies'.
    office = np.where(works, pick(rng, rng.lognormal(0, 1, offices), users), -1)
    agent = np.stack([pick(rng, row, users) for row in SHARES], axis=1)
    owns = (rng.random((users, 3)) < OWNED) * rng.gamma(1.0, 1.0, (users, 3))
    owns[:, PHONE] += 0.05
    return People(
        country=country,
        place=place,
        household=household.astype(np.int64),
        provider=provider,
        lease_days=lease,
        phone_provider=country * PROVIDERS + FIXED + pick(rng, PHONE_MARKET, users),
        office=office,
        a_day=np.minimum(rng.lognormal(np.log(SIGN_INS_A_DAY), SPREAD, users), MOST_A_DAY),
        hour=np.where(rng.random(users) < 0.6, rng.normal(20, 1.6, users), rng.normal(12, 3.0, users)) % 24,
        agent=agent,
        lag=np.array([0, 1, 2, 3, 9])[pick(rng, LAGS, users * 4)].reshape(users, 4),
        line_ms=rng.lognormal(np.log(11), 0.5, users),
        owns=owns,
    )


def home_draw(people: People, user: Ints, day: Floats) -> Ints:
    """Return what decides a home's network on that day: half of the renewals keep the /24."""
    household, lease = people.household[user], people.lease_days[user]
    renewal = ((day + mix(household, 1) % 1000) // lease).astype(np.int64)
    moved = renewal.copy()
    for back in range(8):  # a longer run of kept networks is one in 256
        keeps = (mix(household, renewal - back, 2) % 2 == 0) & (moved == renewal - back)
        moved = np.where(keeps, renewal - back - 1, moved)
    return mix(household, moved, 3)


def agents_of(people: People, user: Ints, slot: Ints, day: Floats) -> tuple[Ints, Ints]:
    """Return which agent a device is on that day, and its browser's version."""
    agent, lag = people.agent[user, slot], people.lag[user, slot]
    years = (day + mix(user, slot, 4) % int(PHONE_YEARS * 365)) // (PHONE_YEARS * 365)
    replaced = (slot == PHONE) & (years > 0)
    other = 6 + mix(user, years.astype(np.int64), 5) % 3
    agent = np.where(replaced & (mix(user, years.astype(np.int64), 6) % 5 == 0), other, agent)
    lag = np.where(replaced, np.minimum(lag, 1), lag)
    return agent, version_on(day - mix(user, slot, 7) % 12, lag)


def version_on(day: Floats, lag: Ints | int) -> Ints:
    """Return the major version of a browser that is `lag` updates behind."""
    return (130 + day // 28 - lag).astype(np.int64)
