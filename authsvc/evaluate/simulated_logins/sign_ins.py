"""The owners' sign-ins: when, from where, with what, over which line. Pure. Constants: our assumptions, see
__init__.py."""

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.random import Generator

from authsvc.evaluate.simulated_logins.people import (
    COMPUTER,
    OFFICE,
    PHONE,
    TRIP_DAYS,
    TRIP_EVERY_DAYS,
    People,
    agents_of,
    home_draw,
)
from authsvc.evaluate.simulated_logins.world import CITIES, FIXED, PROVIDERS, Bools, Floats, Ints, World, mix

MISTYPED = 0.07  # sign-ins with a failed one right before
NO_ROUND_TRIP = 0.3  # rows without a measured one
JITTER = 0.16  # of the logarithm of a round-trip time
PHONE_MS = 38.0
ROAMING_HOME = 0.7  # abroad, a phone still comes out of its provider's network at home
WANTS_PHONE_NETWORK = 0.22  # at home or at work, by phone network all the same


@dataclass(frozen=True)
class Rows:
    """Sign-ins, column by column; `attacker` is 0 for the owner."""

    day: Floats  # since the beginning, with its fraction
    user: Ints
    country: Ints
    place: Ints
    provider: Ints
    network: Ints
    host: Ints
    agent: Ints
    version: Ints
    round_trip_ms: Floats  # NaN: not measured
    succeeded: Ints
    attacker: Ints
    attack_ip: Ints

    def at(self, index: Ints | Bools) -> "Rows":
        return Rows(**{each.name: getattr(self, each.name)[index] for each in fields(self)})


def joined(parts: list[Rows]) -> Rows:
    """Return all rows, in order of time."""
    whole = Rows(**{each.name: np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(Rows)})
    return whole.at(np.argsort(whole.day, kind="stable"))


def owners_sign_ins(rng: Generator, world: World, people: People, days: int) -> Rows:
    """Return what the owners do in so many days."""
    user = np.repeat(np.arange(len(people.a_day)), rng.poisson(people.a_day * days)).astype(np.int64)
    count = len(user)
    hour = (people.hour[user] + rng.normal(0, 2.2, count)) % 24
    strays = rng.random(count) < 0.15
    hour = np.where(strays, rng.uniform(7, 24, count), hour)
    date = rng.integers(0, days, count)
    day = date + hour / 24
    weekday = date % 7 < 5
    away, trip = _trips(user, date)
    at_work = (people.office[user] >= 0) & weekday & (hour > 8) & (hour < 17.5) & ~away & (rng.random(count) < 0.7)
    slot = _slots(rng, people, user, at_work=at_work, away=away)
    by_phone = (slot == PHONE) & (rng.random(count) < np.where(away, 0.5, WANTS_PHONE_NETWORK + 0.2 * at_work))

    country, place = people.country[user], people.place[user]
    abroad = away & (mix(user, trip, 11) % 5 < 2)
    there = mix(user, trip, 12)
    country = np.where(abroad & (~by_phone | (rng.random(count) > ROAMING_HOME)), there % 12, country)
    place = np.where(away & ~by_phone, there // 16 % CITIES, place)
    office = people.office[user]
    office_provider = mix(office, 21) % FIXED
    hotel = country * PROVIDERS + mix(user, trip, 13) % FIXED
    roaming = country * PROVIDERS + FIXED + mix(user, trip, 14) % 3
    provider = np.where(away, hotel, people.provider[user])
    provider = np.where(at_work & ~by_phone, office_provider, provider)
    provider = np.where(by_phone, np.where(abroad, roaming, people.phone_provider[user]), provider)
    stays = country == people.country[user]
    provider = np.where(by_phone & stays, people.phone_provider[user], provider)
    place = np.where(at_work & ~by_phone, mix(office, 22) % CITIES, place)
    draw = np.where(away, mix(user, trip, 15), home_draw(people, user, day))
    draw = np.where(at_work & ~by_phone, mix(office, 23), draw)
    usual = rng.random(count) < 0.6  # a phone network hands out the same few networks, most of the time
    draw = np.where(
        by_phone, np.where(usual, mix(user, rng.integers(0, 4, count), 16), rng.integers(0, 2**40, count)), draw
    )
    agent, version = agents_of(people, user, slot, day)
    rows = Rows(
        day=day,
        user=user,
        country=country,
        place=np.where(by_phone & (rng.random(count) < 0.5), 0, place),  # phones are located badly
        provider=provider,
        network=world.network(provider, np.where(by_phone, 0, place), draw),
        host=1 + mix(people.household[user], draw, 17) % 254,
        agent=agent,
        version=version,
        round_trip_ms=_round_trips(rng, world, people, user, country, by_phone),
        succeeded=np.ones(count, np.int64),
        attacker=np.zeros(count, np.int64),
        attack_ip=np.zeros(count, np.int64),
    )
    typo = rows.at(rng.random(count) < MISTYPED)
    return joined([rows, replace(typo, day=typo.day - 20 / 86400, succeeded=np.zeros(len(typo.day), np.int64))])


def unmeasured(rng: Generator, ms: Floats) -> Floats:
    """Return round-trip times as they are known: jittered, and not all of them."""
    jittered = np.maximum(1, np.round(ms * rng.lognormal(0, JITTER, len(ms))))
    return np.where(rng.random(len(ms)) < NO_ROUND_TRIP, np.nan, jittered)


def _round_trips(rng: Generator, world: World, people: People, user: Ints, country: Ints, by_phone: Bools) -> Floats:
    far = world.round_trip_ms[np.where(by_phone, people.country[user], country)]
    line = np.where(by_phone, PHONE_MS * rng.lognormal(0, 0.3, len(user)), people.line_ms[user])
    return unmeasured(rng, far + line)


def _trips(user: Ints, date: Ints) -> tuple[Bools, Ints]:
    shifted = date + mix(user, 31) % TRIP_EVERY_DAYS
    trip = shifted // TRIP_EVERY_DAYS
    begins = mix(user, trip, 32) % (TRIP_EVERY_DAYS - TRIP_DAYS)
    into = shifted % TRIP_EVERY_DAYS - begins
    goes = mix(user, trip, 33) % 3 > 0
    return (into >= 0) & (into < TRIP_DAYS) & goes, trip


def _slots(rng: Generator, people: People, user: Ints, *, at_work: Bools, away: Bools) -> Ints:
    use = people.owns[user].copy()
    use[:, COMPUTER] *= np.where(away, 0.3, 1.0)
    use /= use.sum(axis=1, keepdims=True)
    slot = (rng.random(len(user))[:, None] > use.cumsum(axis=1)[:, :-1]).sum(axis=1)
    return np.where(at_work & (rng.random(len(user)) < 0.75), OFFICE, slot)
