"""What each signal says: the success case with one thing changed."""

import math
from dataclasses import replace

import pytest

from authsvc.accounts.levels import Level
from authsvc.risk.context import (
    AccountState,
    BehaviourFacts,
    DeviceSeen,
    FailureCounts,
    PasskeyFacts,
    RiskContext,
    Seen,
    Trigger,
    TypingFacts,
    TypingState,
)
from authsvc.risk.contribution import Contribution, step
from authsvc.risk.history.behaviour.weighing import GROUPS as MODEL_GROUPS
from authsvc.risk.history.behaviour.weighing import WEIGHTS
from authsvc.risk.signals import CODES, SIGNALS, score
from authsvc.risk.signals.groups import GROUP_OF, GROUPS, within_groups
from authsvc.risk.signals.known_device import KNOWN

DAY_S = 86_400.0
FAMILIAR = RiskContext(
    Trigger.PASSWORD,
    Level.PWD,
    device=DeviceSeen(known=True, age_s=30 * DAY_S),
    network=Seen.KNOWN,
    country=Seen.KNOWN,
    since_last_sign_in_s=2 * DAY_S,
    sign_ins=40,
)
FIRST = RiskContext(Trigger.PASSWORD, Level.PWD)


def scored(ratio: float | None, state: TypingState = TypingState.SCORED) -> TypingFacts:
    return TypingFacts(state, ratio)


def found(*codes: str) -> TypingFacts:
    return TypingFacts(TypingState.LEARNING, automation=codes)


# name -> (what is changed in FAMILIAR, codes that come or go, their log-odds)
HOME = {"device.known": -3.0, "network.known": -0.5}

CASES: dict[str, tuple[dict[str, object], dict[str, float]]] = {
    "nothing": ({}, {"device.known": -3.0, "network.known": -0.5}),
    "device of today": ({"device": DeviceSeen(known=True, age_s=60)}, {"device.known": -2.0, "network.known": -0.5}),
    "device of unknown age": ({"device": DeviceSeen(known=True)}, {"device.known": -2.0, "network.known": -0.5}),
    "new device": ({"device": DeviceSeen()}, {"device.new": 2.0, "network.known": -0.5}),
    "passkey counter went back": (
        {"trigger": Trigger.PASSKEY, "passkey": PasskeyFacts(counter_went_back=True)},
        {"device.known": -3.0, "network.known": -0.5, "passkey.counter_went_back": 4.0},
    ),
    "passkey counter, with a password": (
        {"passkey": PasskeyFacts(counter_went_back=True)},
        {"device.known": -3.0, "network.known": -0.5},
    ),
    "copied cookie": ({"device": DeviceSeen(stolen=True)}, {"device.copied": 4.5, "network.known": -0.5}),
    "new network": ({"network": Seen.NEW}, {"device.known": -3.0, "network.new": 1.0}),
    "new country": (
        {"network": Seen.NEW, "country": Seen.NEW},
        {"device.known": -3.0, "network.new": 1.0, "country.new": 1.2},
    ),
    "network unknown": ({"network": Seen.UNKNOWN, "country": Seen.UNKNOWN}, {"device.known": -3.0}),
    "two failures": ({"failures": FailureCounts(account=2)}, {"device.known": -3.0, "network.known": -0.5}),
    "three failures": (
        {"failures": FailureCounts(account=3)},
        {"device.known": -3.0, "network.known": -0.5, "failures.account": 0.5},
    ),
    "a hundred failures": (
        {"failures": FailureCounts(account=128)},
        {"device.known": -3.0, "network.known": -0.5, "failures.account": 3.0},
    ),
    "many accounts tried": (
        {"failures": FailureCounts(address=128, address_accounts=60)},
        {**HOME, "failures.address_accounts": 3.0, "failures.address": 0.0},
    ),
    "some accounts tried": (
        {"failures": FailureCounts(address=12, address_accounts=5)},
        {"device.known": -3.0, "network.known": -0.5, "failures.address_accounts": 1.0, "failures.address": 0.5},
    ),
    "a quarter away": (
        {"since_last_sign_in_s": 90 * DAY_S},
        {"device.known": -3.0, "network.known": -0.5, "absence.long": 0.5},
    ),
    "a year away": (
        {"since_last_sign_in_s": 400 * DAY_S},
        {"device.known": -3.0, "network.known": -0.5, "absence.long": 1.0},
    ),
    "typed as usual": (
        {"typing": scored(1.0)},
        {"device.known": -3.0, "network.known": -0.5, "typing.like_owner": -1.0},
    ),
    "typed just as usual": (
        {"typing": scored(9.0)},
        {"device.known": -3.0, "network.known": -0.5, "typing.like_owner": -1.5},
    ),
    "typed otherwise": (
        {"typing": scored(-1.2)},
        {"device.known": -3.0, "network.known": -0.5, "typing.unlike_owner": 1.2},
    ),
    "typed by somebody else": (
        {"typing": scored(-18.0)},
        {"device.known": -3.0, "network.known": -0.5, "typing.unlike_owner": 3.0},
    ),
    "the address typed as usual": (
        {"email_typing": scored(0.8)},
        {"device.known": -3.0, "network.known": -0.5, "typing.email_like_owner": -0.4},
    ),
    "the address typed otherwise": (
        {"email_typing": scored(-9.0)},
        {"device.known": -3.0, "network.known": -0.5, "typing.email_unlike_owner": 1.0},
    ),
    "both typed otherwise, under one cap": (
        {"typing": scored(-2.5), "email_typing": scored(-9.0)},
        {
            "device.known": -3.0,
            "network.known": -0.5,
            "typing.unlike_owner": 2.5,
            "typing.email_unlike_owner": 0.5,
        },
    ),
    "both typed just as usual": (
        {"typing": scored(9.0), "email_typing": scored(9.0)},
        {
            "device.known": -3.0,
            "network.known": -0.5,
            "typing.like_owner": -1.5,
            "typing.email_like_owner": 0.0,
        },
    ),
    "one field each way": (
        {"typing": scored(1.0), "email_typing": scored(-1.0)},
        {
            "device.known": -3.0,
            "network.known": -0.5,
            "typing.email_unlike_owner": 0.5,
            "typing.like_owner": -1.0,
        },
    ),
    "typing says nothing": ({"typing": scored(-0.7)}, {"device.known": -3.0, "network.known": -0.5}),
    "typing missing": (
        {"typing": scored(-9.0, TypingState.MISSING)},
        {"device.known": -3.0, "network.known": -0.5},
    ),
    "typing pasted": ({"typing": scored(-9.0, TypingState.PASTED)}, {"device.known": -3.0, "network.known": -0.5}),
    "typing learning": (
        {"typing": scored(-9.0, TypingState.LEARNING)},
        {"device.known": -3.0, "network.known": -0.5},
    ),
    "typing is no number": ({"typing": scored(math.nan)}, {"device.known": -3.0, "network.known": -0.5}),
    "even hand": (
        {"typing": found("automation.zero_variance")},
        {"device.known": -3.0, "network.known": -0.5, "automation.zero_variance": 3.0},
    ),
    "all of automation": (
        {"typing": found("automation.zero_variance", "automation.impossible_speed", "automation.replayed")},
        {
            "device.known": -3.0,
            "network.known": -0.5,
            "automation.zero_variance": 3.0,
            "automation.impossible_speed": 3.0,
            "automation.replayed": 2.0,
        },
    ),
    "guarded": (
        {"account": AccountState(guarded=True)},
        {"device.known": -3.0, "network.known": -0.5, "account.guarded": 2.0},
    ),
    "an incident": ({"failures": FailureCounts(incidents=1)}, {**HOME, "attack.incident": 1.0}),
    "incidents and sources": (
        {"failures": FailureCounts(incidents=9, account_sources=20)},
        {**HOME, "attack.incident": 1.5, "attack.account_sources": 2.0},
    ),
    "unlike every habit": (
        {"behaviour": BehaviourFacts((("browser", 1.0), ("country", 2.0), ("hour", 0.3), ("round_trip", 0.5)))},
        {
            "device.known": -3.0,
            "behaviour.country": 2.0 * WEIGHTS["country"],
            "behaviour.browser": WEIGHTS["browser"],
            "behaviour.hour": 0.3 * WEIGHTS["hour"],
            "behaviour.round_trip": 0.5 * WEIGHTS["round_trip"],
        },
    ),
    "the owner's place, as far as it may count": (
        {"behaviour": BehaviourFacts((("network", -3.0), ("provider", -3.0)))},
        {
            "device.known": -3.0,
            "behaviour.network": -2.0 * WEIGHTS["network"] / (WEIGHTS["network"] + WEIGHTS["provider"]),
            "behaviour.provider": -2.0 * WEIGHTS["provider"] / (WEIGHTS["network"] + WEIGHTS["provider"]),
        },
    ),
    "a new device with another browser": (
        {"device": DeviceSeen(), "behaviour": BehaviourFacts((("system", 8.0), ("device", 8.0)))},
        {
            "network.known": -0.5,
            "device.new": 2.0,
            "behaviour.device": 2.0 * WEIGHTS["device"] / (WEIGHTS["system"] + WEIGHTS["device"]),
            "behaviour.system": 0.8 - 2.0 * WEIGHTS["device"] / (WEIGHTS["system"] + WEIGHTS["device"]),
        },
    ),
    "a new device that repeats what the owner's says of itself": (
        {
            "device": DeviceSeen(),
            "behaviour": BehaviourFacts(
                (
                    ("browser", -8.0),
                    ("country", 2.0),
                    ("device", -8.0),
                    ("hour", -8.0),
                    ("language", -8.0),
                    ("round_trip", -8.0),
                    ("system", -8.0),
                    ("zone", -8.0),
                )
            ),
        },
        {"device.new": 2.0, "behaviour.country": 2.0 * WEIGHTS["country"]},
    ),
    "a place after two sign-ins": (
        {
            "sign_ins": 2,
            "network": Seen.NEW,
            "behaviour": BehaviourFacts((("country", -0.2), ("network", 0.9), ("provider", -1.4), ("travel", 1.0))),
        },
        {"device.known": -3.0, "network.new": 1.0, "behaviour.travel": 0.6},
    ),
    "the known device at the usual hour": (
        {"behaviour": BehaviourFacts((("hour", -8.0), ("round_trip", -8.0)))},
        {**HOME, "behaviour.hour": -0.75, "behaviour.round_trip": -1.5},
    ),
    "language, zone and travel": (
        {"behaviour": BehaviourFacts((("language", 1.0), ("travel", 1.0), ("zone", 1.0)))},
        {**HOME, "behaviour.language": 0.4, "behaviour.zone": 0.4, "behaviour.travel": 0.6},
    ),
    "all of the account": (
        {"account": AccountState(guarded=True, recovered=True, password_reset=True)},
        {
            "device.known": -3.0,
            "network.known": -0.5,
            "account.guarded": 2.0,
            "account.recovered": 1.0,
            "account.password_reset": 0.0,
        },
    ),
}


@pytest.mark.parametrize(("changes", "expected"), CASES.values(), ids=CASES.keys())
def test_what_a_familiar_sign_in_says_with_one_thing_changed(
    changes: dict[str, object], expected: dict[str, float]
) -> None:
    said = {each.code: each.log_odds for each in score(replace(FAMILIAR, **changes))}
    assert said == pytest.approx(expected)


def test_a_first_sign_in_is_neither_safe_nor_suspicious() -> None:
    assert score(FIRST) == ()
    assert score(replace(FIRST, network=Seen.NEW, country=Seen.NEW)) == ()


def test_the_browser_of_the_sign_up_is_known() -> None:
    said = score(replace(FIRST, device=DeviceSeen(known=True, age_s=5)))
    assert [each.code for each in said] == ["device.known"]


def test_guesses_at_the_password_say_nothing_about_a_passkey() -> None:
    attacked = replace(
        FAMILIAR,
        trigger=Trigger.PASSKEY,
        first_factor=Level.PHR,
        failures=FailureCounts(128, 128, 128, 128, 3),
        typing=TypingFacts(TypingState.SCORED, -9.0, ("automation.replayed",)),
    )
    assert [each.code for each in score(attacked)] == ["device.known", "network.known"]


def test_every_code_is_listed_and_every_listed_code_can_be_said() -> None:
    said = {each.code for changes, _ in CASES.values() for each in score(replace(FAMILIAR, **changes))}
    assert said == CODES


def test_every_signal_explains_itself_in_a_sentence() -> None:
    for changes, _ in CASES.values():
        for each in score(replace(FAMILIAR, **changes)):
            assert each.text[0].isupper() and each.text.endswith(".")


def test_signals_are_separate_functions() -> None:
    assert len({signal.__module__ for signal in SIGNALS}) == len(SIGNALS) == 10


def test_every_code_is_in_one_group() -> None:
    codes = [code for group in GROUPS for code in group.codes]
    assert len(codes) == len(set(codes)) == len(GROUP_OF)
    assert all(group.least <= 0 < group.most for group in GROUPS)


def test_behaviour_and_signals_agree_on_groups_and_bounds() -> None:
    """Evaluations score within the model's bounds, decisions within both: whatever moves one has to move the other."""
    for name, model in MODEL_GROUPS.items():
        [group] = {GROUP_OF[f"behaviour.{part}"].name: GROUP_OF[f"behaviour.{part}"] for part in model.parts}.values()
        if name == "what":  # in one group with the device's cookie
            assert (group.least, group.most) == (KNOWN + model.least, 2.8) and model.most <= group.most
        else:
            assert (group.least, group.most) == (model.least, model.most)


def test_a_group_is_cut_from_its_end_and_only_on_the_side_that_is_too_much() -> None:
    said = [
        Contribution(code, log_odds, "")
        for code, log_odds in (
            ("network.new", 3.0),
            ("behaviour.zone", -1.0),
            ("country.new", 3.0),
            ("device.new", 2.0),
        )
    ]
    kept = within_groups(said)
    assert [each.log_odds for each in kept] == pytest.approx([3.0, -1.0, 1.5, 2.0])
    assert [each.code for each in kept] == [each.code for each in said]


def test_a_group_speaks_for_the_owner_within_its_bound() -> None:
    said = [Contribution("device.known", -3.0, ""), Contribution("behaviour.browser", -2.0, "")]
    assert [each.log_odds for each in within_groups(said)] == pytest.approx([-3.0, -0.75])


def test_a_weight_scales_a_group_after_its_bound() -> None:
    said = [Contribution("device.new", 9.0, ""), Contribution("absence.long", 0.5, "")]
    kept = within_groups(said, {"device": 0.5})
    assert [each.log_odds for each in kept] == pytest.approx([1.4, 0.5])


def test_steps_hold_from_their_bound_on() -> None:
    assert [step(count, ((3, 0.5), (6, 1.0))) for count in (0, 2, 3, 5, 6, 10**9)] == [0, 0, 0.5, 0.5, 1.0, 1.0]
