"""Rows as the text of a CSV file in the columns of the public rba-dataset, and one more. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np

from authsvc.evaluate.simulated_logins.attackers import NAMES, attacks
from authsvc.evaluate.simulated_logins.people import AGENTS, make_people
from authsvc.evaluate.simulated_logins.sign_ins import Rows, joined, owners_sign_ins
from authsvc.evaluate.simulated_logins.world import COUNTRIES, FIRST_ASN, make_world

COLUMNS = (
    "Login Timestamp",
    "User ID",
    "Round-Trip Time [ms]",
    "IP Address",
    "Country",
    "Region",
    "City",
    "ASN",
    "User Agent String",
    "Browser Name and Version",
    "OS Name and Version",
    "Device Type",
    "Login Successful",
    "Is Attack IP",
    "Is Account Takeover",
)
ATTACKER = "Attacker"  # ours: not in the public layout
BEGINS = datetime(2025, 1, 6, tzinfo=UTC)  # a Monday
FIRST_USER = 4_000_000_000
MOST_USERS, MOST_DAYS = 1_000_000, 3660

_CHROME = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 {}Safari/537.36"
_FIREFOX = "Mozilla/5.0 ({}; rv:{}.0) Gecko/{} Firefox/{}.0"
_PLATFORMS = {
    "Windows 10": "Windows NT 10.0; Win64; x64",
    "Mac OS X 10.15.7": "Macintosh; Intel Mac OS X 10_15_7",
    "Linux": "X11; Linux x86_64",
    "Android 10": "Linux; Android 10; K",
}


def simulate(users: int, days: int, seed: int) -> Rows:
    """Return what so many people and their attackers do in so many days.

    Raises:
        ValueError: users, days or seed is out of range.
    """
    if not (2 <= users <= MOST_USERS and 2 <= days <= MOST_DAYS and seed >= 0):
        raise ValueError(f"2 to {MOST_USERS} users, 2 to {MOST_DAYS} days, and a seed of nought or more")
    rng = np.random.default_rng(seed)
    world, people = make_world(rng), make_people(rng, users)
    owners = owners_sign_ins(rng, world, people, days)
    if len(owners.day) == 0:
        raise ValueError("nobody signs in: more users or days")
    return joined([owners, *attacks(rng, world, people, owners, days)])


def lines(rows: Rows) -> Iterator[str]:
    """Yield the file's lines, header first, in order of time."""
    yield ",".join((*COLUMNS, ATTACKER))
    agents: dict[tuple[int, int], str] = {}
    columns = (getattr(rows, name).tolist() for name in rows.__dataclass_fields__)
    for day, user, country, place, provider, network, host, agent, version, trip, done, attacker, listed in zip(
        *columns, strict=True
    ):
        at = BEGINS + timedelta(milliseconds=round(day * 86_400_000))
        code = COUNTRIES[country][0]
        if (agent, version) not in agents:
            agents[agent, version] = _agent_columns(agent, version)
        yield (
            f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03},{FIRST_USER + user},"
            f"{'' if trip != trip else int(trip)},{network >> 16}.{network >> 8 & 255}.{network & 255}.{host},"
            f"{code},{code} region {place // 3 + 1},{code} city {place + 1},{FIRST_ASN + provider},"
            f"{agents[agent, version]},{bool(done)},{bool(listed)},{bool(attacker and done)},{NAMES[attacker]}"
        )


def _agent_columns(agent: int, version: int) -> str:
    kind, system, browser = AGENTS[agent]
    text, name = _user_agent(system, browser, version, tablet=kind == "tablet")
    ios = 17 + (version - 130) // 13
    return f'"{text}",{name},{f"iOS {ios}.{version % 13 // 3}" if system == "iOS" else system},{kind}'


def _user_agent(system: str, browser: str, version: int, *, tablet: bool) -> tuple[str, str]:
    if "Safari" in browser:  # its versions go with the system's
        of, minor = 17 + (version - 130) // 13, version % 13 // 3
        if system != "iOS":
            head = f"Mozilla/5.0 ({_PLATFORMS[system]}) AppleWebKit/605.1.15 (KHTML, like Gecko)"
            return f"{head} Version/{of}.{minor} Safari/605.1.15", f"Safari {of}.{minor}"
        device = f"iPad; CPU OS {of}_{minor}" if tablet else f"iPhone; CPU iPhone OS {of}_{minor}"
        head = f"Mozilla/5.0 ({device} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
        return f"{head} Version/{of}.{minor} Mobile/15E148 Safari/604.1", f"Mobile Safari {of}.{minor}"
    if "Firefox" in browser:
        handheld = system == "Android 10"
        platform = "Android 10; Mobile" if handheld else _PLATFORMS[system]
        gecko = f"{version}.0" if handheld else "20100101"
        return _FIREFOX.format(platform, version, gecko, version), f"{browser} {version}.0"
    mobile = "Mobile " if system == "Android 10" and not tablet else ""
    text = _CHROME.format(_PLATFORMS[system], version, mobile)
    if browser == "Edge":
        text += f" Edg/{version}.0.0.0"
    if browser == "Samsung Internet":
        text = text.replace("Chrome/", f"SamsungBrowser/{version - 104}.0 Chrome/")
        return text, f"Samsung Internet {version - 104}.0"
    return text, f"{browser} {version}.0.0"
