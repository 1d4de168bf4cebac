"""How an account usually signs in: what speaks for and against it, that it stays bounded and forgets, and odd input."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authsvc.core.sealing.cipher import Keyring
from authsvc.risk.history.behaviour.keys import cell_of, for_account, for_population
from authsvc.risk.history.behaviour.likelihood import PART_BOUND, ROUND_TRIP, TRAVEL, TRAVEL_LOG_ODDS, log_odds
from authsvc.risk.history.behaviour.packing import NUMBERS, SALT_BYTES, pack, unpack
from authsvc.risk.history.behaviour.population import Cells, added, cells_of
from authsvc.risk.history.behaviour.profile import MOST_VALUES, NOTHING_KNOWN, Profile, Shown, learned
from authsvc.risk.history.behaviour.sighting import Feature, Place, Sighting, sighting
from authsvc.risk.history.behaviour.user_agent import MOST_READ, Agent, read_agent
from authsvc.risk.history.behaviour.weighing import GROUPS, WEIGHTS, score, weighed

KEYRING = Keyring({"k": bytes(range(32))}, current="k")
ROTATED = Keyring({"k": bytes(range(32)), "new": bytes(32)}, current="new")
SALT = b"s" * SALT_BYTES
BEGIN = datetime(2026, 3, 2, 20, tzinfo=UTC)
HOME = {
    Feature.COUNTRY: "NL",
    Feature.PROVIDER: "NL|64500",
    Feature.NETWORK: "203.0.113.0/24",
    Feature.DEVICE: "desktop",
    Feature.SYSTEM: "desktop|Linux",
    Feature.BROWSER: "desktop|Linux|Firefox",
    Feature.LANGUAGE: "nl-nl",
    Feature.ZONE: "Europe/Amsterdam",
}
ABROAD = {Feature.COUNTRY: "BR", Feature.PROVIDER: "BR|64600", Feature.NETWORK: "198.51.100.0/24"}
AMSTERDAM, SAO_PAULO = Place(52.37, 4.9, 20), Place(-23.5, -46.6, 50)


def seen(day: float = 0, *, place: Place | None = AMSTERDAM, ms: float | None = 20, **changes: str | None) -> Sighting:
    shown = HOME | {Feature(name): value for name, value in changes.items()}
    return sighting(BEGIN + timedelta(days=day), shown, round_trip_ms=ms, place=place)


def account(sign_ins: int = 10) -> Profile:
    profile = NOTHING_KNOWN
    for day in range(sign_ins):
        profile = learned(profile, for_account(seen(day, ms=20 + day % 3), SALT))
    return profile


def everybody(count: int = 400) -> Cells:
    news = []
    for number in range(count):
        one = seen(number % 20, network=f"10.0.{number}.0/24", country="NL" if number % 5 else "BR")
        news.append(cells_of(for_population(one, KEYRING)[0]))
    now = seen(30).at_s
    return Cells(added(news, now), now)


def parts(sight: Sighting, profile: Profile | None = None) -> dict[str, float]:
    shown, population = for_account(sight, SALT), for_population(sight, KEYRING)[0]
    return log_odds(account() if profile is None else profile, shown, population, everybody())


def test_the_owner_as_ever_is_the_owner() -> None:
    said = parts(seen(11))
    assert all(part <= 0.05 for part in said.values()), said
    assert said[Feature.NETWORK] < -2
    assert score(said) < -2


@pytest.mark.parametrize(
    ("changes", "against"),
    [
        ({str(name): value for name, value in ABROAD.items()}, Feature.COUNTRY),
        ({"provider": "NL|64999", "network": "192.0.2.0/24"}, Feature.PROVIDER),
        ({"network": "192.0.2.0/24"}, Feature.NETWORK),
        ({"device": "mobile", "system": "mobile|iOS", "browser": "mobile|iOS|Safari"}, Feature.DEVICE),
        ({"browser": "desktop|Linux|Chrome"}, Feature.BROWSER),
        ({"language": "pt-br"}, Feature.LANGUAGE),
        ({"zone": "America/Sao_Paulo"}, Feature.ZONE),
    ],
)
def test_what_the_account_never_showed_speaks_against_it(changes: dict[str, str], against: Feature) -> None:
    said = parts(seen(11, **changes))
    assert said[against] > 0.5
    assert score(said) >= score(parts(seen(11)))  # the group may be at its cap


def test_under_a_new_country_the_provider_and_the_network_say_nothing_more() -> None:
    said = parts(seen(11, **{str(name): value for name, value in ABROAD.items()}))
    assert (said[Feature.PROVIDER], said[Feature.NETWORK]) == (0.0, 0.0)


def test_whoever_often_has_a_new_network_is_not_asked_each_time() -> None:
    wanderer = NOTHING_KNOWN
    for day in range(10):
        wanderer = learned(wanderer, for_account(seen(day, network=f"10.9.{day}.0/24"), SALT))
    elsewhere = seen(11, network="192.0.2.0/24")
    assert parts(elsewhere, wanderer)[Feature.NETWORK] < parts(elsewhere)[Feature.NETWORK] / 2


def test_an_unusual_hour_and_a_slower_line_speak_against() -> None:
    assert parts(seen(11 + 9 / 24))[Feature.HOUR] > parts(seen(11))[Feature.HOUR] + 1
    assert parts(seen(11, ms=180))[ROUND_TRIP] > 2 > 0 > parts(seen(11, ms=21))[ROUND_TRIP]


@pytest.mark.parametrize(
    ("hours", "there", "against"),
    [(1, SAO_PAULO, True), (20, SAO_PAULO, False), (1, Place(52.5, 5.2, 20), False), (1, Place(-23, -46, 5000), False)],
)
def test_nobody_travels_faster_than_an_airliner(hours: float, there: Place, against: bool) -> None:
    said = parts(seen(9 + hours / 24, place=there))[TRAVEL]
    assert said == TRAVEL_LOG_ODDS if against else said == 0.0


def test_after_a_clock_that_jumped_nobody_knows_how_fast_one_travelled() -> None:
    jumped = learned(account(), for_account(seen(40_000), SALT))
    assert TRAVEL not in parts(seen(12, place=SAO_PAULO), jumped)


def test_missing_data_is_unknown() -> None:
    nothing = sighting(BEGIN + timedelta(days=11), {})
    assert set(parts(nothing)) == {Feature.HOUR}
    assert parts(seen(11), NOTHING_KNOWN) == {}
    without = dict.fromkeys(map(str, HOME))
    assert parts(seen(11, **without, place=None, ms=None)).keys() == {Feature.HOUR}


def test_without_a_population_nothing_speaks_for_the_owner() -> None:
    sight = seen(11)
    shown, population = for_account(sight, SALT), for_population(sight, KEYRING)[0]
    said = log_odds(account(), shown, population, Cells({}, sight.at_s))
    assert all(part >= 0 for name, part in said.items() if name not in (ROUND_TRIP, TRAVEL))


def test_a_value_seen_once_is_forgotten_in_half_a_year_and_a_daily_one_is_not() -> None:
    profile = learned(NOTHING_KNOWN, for_account(seen(0, network="10.1.1.0/24"), SALT))
    for day in (1, 90, 183):
        profile = learned(profile, for_account(seen(day), SALT))
    profile = learned(profile, for_account(seen(184, network="10.1.2.0/24"), SALT))
    kept = profile.counts[Feature.NETWORK]
    assert set(kept) == {
        for_account(seen(0), SALT).keys[Feature.NETWORK],
        for_account(seen(0, network="10.1.2.0/24"), SALT).keys[Feature.NETWORK],
    }


def test_a_profile_is_bounded_whatever_the_history() -> None:
    profile = NOTHING_KNOWN
    for number in range(300):
        profile = learned(profile, for_account(seen(number / 100, provider=f"NL|{number}", network=f"n{number}"), SALT))
    assert max(len(values) for values in profile.counts.values()) == MOST_VALUES
    assert len(pack(profile, SALT)) < 16_000
    assert unpack(pack(profile, SALT))[0].counts[Feature.NETWORK].keys() == profile.counts[Feature.NETWORK].keys()


def test_a_clock_that_jumps_back_neither_adds_nor_loses() -> None:
    before = account()
    after = learned(before, for_account(seen(-4000), SALT))
    assert after.at_s == before.at_s
    assert after.sign_ins == pytest.approx(before.sign_ins + 1)


def test_packed_and_unpacked_is_the_same() -> None:
    profile, salt = unpack(pack(account(), SALT))
    again = pack(profile, salt)
    assert (salt, again) == (SALT, pack(account(), SALT))
    assert set(NUMBERS) == set(Feature)
    for cut in (b"", again[:-1], again[:60], b"\x02" + again[1:], again[:-30]):
        with pytest.raises(ValueError, match=r"."):
            unpack(cut)


def test_no_value_can_be_read_off_its_keys() -> None:
    packed = pack(account(), SALT)
    for text in HOME.values():
        assert text.encode() not in packed
    other = for_account(seen(), b"t" * SALT_BYTES)
    assert not set(other.keys.values()) & set(for_account(seen(), SALT).keys.values()) - {other.keys[Feature.HOUR]}


def test_population_cells_are_bounded_and_survive_a_rotation() -> None:
    old, [new, older] = for_population(seen(), KEYRING), for_population(seen(), ROTATED)
    assert older == old[0] != new
    for number in range(2000):
        for feature, key in for_population(seen(network=f"n{number}"), KEYRING)[0].keys.items():
            assert cell_of(feature, key) < (NUMBERS[feature] + 1) << 20


def test_groups_are_capped_and_parts_add_up() -> None:
    extreme = {part: 8.0 for group in GROUPS.values() for part in group.parts}
    said = dict(weighed(extreme))
    for group in GROUPS.values():
        alone = sum(8 * WEIGHTS[part] for part in group.parts)
        assert sum(said[part] for part in group.parts) == pytest.approx(min(group.most, alone))
    assert [*said] == [part for group in GROUPS.values() for part in group.parts]
    assert score(dict.fromkeys(extreme, -8.0)) == pytest.approx(sum(group.least for group in GROUPS.values()))
    assert min(WEIGHTS.values()) >= 0


any_float = st.floats(allow_nan=True, allow_infinity=True)
names = st.sampled_from([*(str(part) for group in GROUPS.values() for part in group.parts), "of_the_future"])


@given(st.dictionaries(names, any_float))
def test_no_parts_make_a_score_nan(found: dict[str, float]) -> None:
    assert math.isfinite(score(found))


@given(st.dictionaries(names, st.floats(-9, 9), min_size=1), st.data())
def test_more_against_never_lowers_the_score(found: dict[str, float], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(found)))
    worse = found | {name: found[name] + data.draw(st.floats(0, 9))}
    assert score(worse) >= score(found) - 1e-9


texts = st.none() | st.text(max_size=200)
sightings = st.builds(
    sighting,
    st.integers(200_000, 250_000_000_000).map(lambda at: datetime.fromtimestamp(at, UTC)),
    st.dictionaries(st.sampled_from(Feature), texts).map(lambda found: {**found, Feature.HOUR: None}),
    round_trip_ms=st.none() | any_float,
    place=st.none() | st.builds(Place, any_float, any_float, any_float),
)


@settings(deadline=None)
@given(st.lists(sightings, min_size=1, max_size=8))
def test_whatever_is_seen_in_whatever_order_makes_bounded_parts(found: list[Sighting]) -> None:
    profile = NOTHING_KNOWN
    for each in found:
        shown, population = for_account(each, SALT), for_population(each, KEYRING)[0]
        cells = Cells(added([cells_of(population)] * 5, each.at_s), each.at_s)
        said = log_odds(profile, shown, population, cells)
        assert all(abs(part) <= PART_BOUND for part in said.values())
        profile = unpack(pack(learned(profile, shown), SALT))[0]


@settings(deadline=None)  # the first one builds the parser
@given(st.text(max_size=10_000))
def test_no_user_agent_is_too_odd(text: str) -> None:
    assert read_agent(text) == read_agent(text[:MOST_READ])


@pytest.mark.parametrize(
    ("text", "agent"),
    [
        ("", Agent()),
        ("x" * 10_000, Agent("desktop", "Other", "Other")),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/17.4 Mobile/15E148 Safari/604.1",
            Agent("mobile", "iOS", "Mobile Safari"),
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
            Agent("tablet", "Android", "Chrome"),
        ),
    ],
)
def test_user_agents_say_device_system_and_browser(text: str, agent: Agent) -> None:
    assert read_agent(text) == agent


def test_a_shown_sign_in_is_one_of_an_account() -> None:
    shown: Shown = for_account(seen(), SALT)
    assert replace(shown).parent(Feature.NETWORK) == shown.keys[Feature.PROVIDER]
    assert shown.parent(Feature.COUNTRY) == 0
