"""Who signs in with a stolen password: naive, by VPN, targeted; and leaked lists that are tried. Pure.

Every account that has signed in is a victim equally often. An attack comes some time after one of its owner's sign-ins,
at the attacker's own hours. Constants: our assumptions, see __init__.py.
"""

import numpy as np
from numpy.random import Generator

from authsvc.evaluate.simulated_logins.people import People, agents_of
from authsvc.evaluate.simulated_logins.sign_ins import PHONE_MS, Rows, unmeasured
from authsvc.evaluate.simulated_logins.world import (
    CITIES,
    COUNTRIES,
    FIXED,
    HOSTING,
    PHONES,
    PROVIDERS,
    Floats,
    Ints,
    World,
    pick,
)

NAMES = ("", "naive", "vpn", "targeted", "stuffing")
NAIVE, VPN, TARGETED, STUFFING = range(1, 5)
SHARE = 0.03  # attacks of each kind, among as many sign-ins of owners
LEAST = 40
WITHIN_DAYS = 12
NEAR = 0.15  # targeted attackers who sit in the victim's city; the others come through somebody's line there
PROXY_MS, PROXY_SPREAD = 95.0, 0.6  # what a way through a proxy adds
LISTED = 0.5  # addresses of naive and VPN attackers that a list of attackers knows
BURST = 400  # tries of one list


def attacks(rng: Generator, world: World, people: People, owners: Rows, days: int) -> list[Rows]:
    """Return the attacks of each kind."""
    count = max(LEAST, int(SHARE * len(owners.day)))
    stolen = [_stolen(rng, world, people, owners, days, count, kind) for kind in (NAIVE, VPN, TARGETED)]
    return [*stolen, *(_stuffing(rng, world, people, days) for _ in range(max(1, days // 30)))]


def _victims(rng: Generator, owners: Rows, days: int, count: int) -> tuple[Ints, Floats]:
    """Return the rows of owners to come after, each account as often, and when."""
    order = np.argsort(owners.user, kind="stable")
    users, first, sizes = np.unique(owners.user[order], return_index=True, return_counts=True)
    who = rng.integers(0, len(users), count)
    row = order[first[who] + (rng.random(count) * sizes[who]).astype(np.int64)]
    hour = (13 + rng.integers(-9, 10, count) + rng.normal(0, 3.5, count)) % 24
    day = np.floor(owners.day[row] + rng.uniform(0.01, WITHIN_DAYS, count)) + hour / 24
    return row, np.clip(day, owners.day[row] + 0.01, days + 0.5)


def _stolen(rng: Generator, world: World, people: People, owners: Rows, days: int, count: int, kind: int) -> Rows:
    row, day = _victims(rng, owners, days, count)
    user = owners.user[row]
    agent, version = _popular(rng, people, day)
    anywhere = tuple(share for *_, share in COUNTRIES)
    country = pick(rng, anywhere, count) if kind == NAIVE else people.country[user]
    lines = np.where(
        rng.random(count) < 0.5, rng.integers(0, FIXED, count), FIXED + PHONES + rng.integers(0, HOSTING, count)
    )
    provider, place = country * PROVIDERS + lines, rng.integers(0, CITIES, count)
    near = np.zeros(count, np.bool_)
    by_phone = np.zeros(count, np.bool_)
    if kind == TARGETED:
        agent, version = agents_of(people, user, _slot_of(owners, row, people), day)
        by_phone = rng.random(count) < 0.2
        provider = np.where(by_phone, people.phone_provider[user], people.provider[user])
        place, near = people.place[user], rng.random(count) < NEAR
    proxied = np.where(near, 0.0, PROXY_MS * rng.lognormal(0, PROXY_SPREAD, count))
    line = np.where(by_phone, PHONE_MS, rng.lognormal(np.log(11), 0.5, count))
    listed = (rng.random(count) < LISTED) & (kind != TARGETED)
    return Rows(
        day=day,
        user=user,
        country=country,
        place=place,
        provider=provider,
        network=world.network(provider, np.where(by_phone, 0, place), rng.integers(0, 2**40, count)),
        host=rng.integers(1, 255, count),
        agent=agent,
        version=version,
        round_trip_ms=unmeasured(rng, world.round_trip_ms[country] + line + proxied),
        succeeded=np.ones(count, np.int64),
        attacker=np.full(count, kind),
        attack_ip=listed.astype(np.int64),
    )


def _slot_of(owners: Rows, row: Ints, people: People) -> Ints:
    """Return the slot of the device that an owner's row shows."""
    same = people.agent[owners.user[row]] == owners.agent[row][:, None]
    return np.where(same.any(axis=1), same.argmax(axis=1), 1)


def _popular(rng: Generator, people: People, day: Floats) -> tuple[Ints, Ints]:
    """Return what a random customer has."""
    who, slot = rng.integers(0, len(people.a_day), len(day)), rng.integers(0, 2, len(day))
    return agents_of(people, who, slot, day)


def _stuffing(rng: Generator, world: World, people: People, days: int) -> Rows:
    """Return one leaked list, tried from a few hosting networks within hours: none of its passwords is right."""
    count = min(BURST, max(20, len(people.a_day) // 4))
    begins = rng.uniform(0, days - 0.2)
    country = np.full(count, rng.integers(0, len(COUNTRIES)))
    provider = country * PROVIDERS + FIXED + PHONES + rng.integers(0, HOSTING, count)
    day = begins + rng.uniform(0, 0.15, count)
    agent, version = _popular(rng, people, np.full(count, begins))
    return Rows(
        day=day,
        user=rng.integers(0, len(people.a_day), count),
        country=country,
        place=np.zeros(count, np.int64),
        provider=provider,
        network=world.network(provider, np.zeros(count, np.int64), rng.integers(0, 3, count)),
        host=rng.integers(1, 6, count),
        agent=np.full(count, agent[0]),
        version=np.full(count, version[0]),
        round_trip_ms=unmeasured(rng, world.round_trip_ms[country] + 10),
        succeeded=np.zeros(count, np.int64),
        attacker=np.full(count, STUFFING),
        attack_ip=np.ones(count, np.int64),
    )
