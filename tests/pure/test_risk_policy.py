"""Decisions under the policy that ships; what a policy file may say; that a stored decision can be decided again."""

import json
import math
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from authsvc.accounts.levels import Level
from authsvc.risk.context import (
    AccountState,
    DeviceSeen,
    FailureCounts,
    PasskeyFacts,
    RiskContext,
    Seen,
    Trigger,
    TypingFacts,
    TypingState,
    from_inputs,
    parse_inputs,
)
from authsvc.risk.contribution import Contribution
from authsvc.risk.policy import ENGINE_FAILED, Outcome, assess, blind_decision, decide
from authsvc.risk.policy_file import PolicyRefused, load_policy, parse_policy
from tests.pure.test_risk_signals import FAMILIAR, FIRST

POLICY = load_policy(None)
NEW_DEVICE = replace(FAMILIAR, device=DeviceSeen())
ELSEWHERE = replace(NEW_DEVICE, network=Seen.NEW, country=Seen.NEW)
UNLIKE = TypingFacts(TypingState.SCORED, -4.0)
WENT_BACK = PasskeyFacts(counter_went_back=True)
PASSKEY = {"trigger": Trigger.PASSKEY, "first_factor": Level.PHR}
AUTOMATION = ("automation.zero_variance", "automation.impossible_speed", "automation.replayed")

CASES: dict[str, tuple[RiskContext, Outcome]] = {
    "first sign-in after sign-up": (FIRST, Outcome.ALLOW),
    "first sign-in, browser of the sign-up": (
        replace(FIRST, device=DeviceSeen(known=True, age_s=30)),
        Outcome.ALLOW,
    ),
    "first sign-in, the network is attacked": (
        replace(FIRST, failures=FailureCounts(20, 128, 60)),
        Outcome.STEP_UP,
    ),
    "as always": (FAMILIAR, Outcome.ALLOW),
    "owner on a journey": (replace(FAMILIAR, network=Seen.NEW, country=Seen.NEW), Outcome.ALLOW),
    "owner has a bad day": (replace(FAMILIAR, typing=UNLIKE), Outcome.ALLOW),
    "owner comes once a year": (replace(FAMILIAR, since_last_sign_in_s=4e7), Outcome.ALLOW),
    "new browser at home": (NEW_DEVICE, Outcome.ALLOW),
    "new browser at home, pasted": (
        replace(NEW_DEVICE, typing=TypingFacts(TypingState.PASTED)),
        Outcome.ALLOW,
    ),
    "new browser elsewhere": (replace(NEW_DEVICE, network=Seen.NEW), Outcome.STEP_UP),
    "new browser, unlike typing": (replace(NEW_DEVICE, typing=UNLIKE), Outcome.STEP_UP),
    "new browser, barely unlike typing": (
        replace(NEW_DEVICE, typing=TypingFacts(TypingState.SCORED, -0.75)),
        Outcome.STEP_UP,
    ),
    "new browser elsewhere, unlike typing": (replace(ELSEWHERE, typing=UNLIKE), Outcome.STEP_UP),
    "the same after many guesses": (
        replace(ELSEWHERE, typing=UNLIKE, failures=FailureCounts(20, 128, 60)),
        Outcome.DENY,
    ),
    "a replay elsewhere": (
        replace(ELSEWHERE, typing=TypingFacts(automation=("automation.replayed",))),
        Outcome.DENY,
    ),
    "copied cookie": (replace(FAMILIAR, device=DeviceSeen(stolen=True)), Outcome.STEP_UP),
    "a part failed": (replace(FAMILIAR, failed_parts=("typing",)), Outcome.STEP_UP),
    "guarded": (replace(FAMILIAR, account=AccountState(guarded=True)), Outcome.STEP_UP),
    "passkey from anywhere": (replace(ELSEWHERE, **PASSKEY), Outcome.ALLOW),
    "passkey whose counter went back": (
        replace(FAMILIAR, passkey=WENT_BACK, **PASSKEY),
        Outcome.ALLOW,  # nothing is stronger; a lock would shut out whoever restored an authenticator
    ),
    "the same from a new browser elsewhere": (
        replace(ELSEWHERE, passkey=WENT_BACK, **PASSKEY),
        Outcome.ALLOW,
    ),
    "the same after a warning": (
        replace(ELSEWHERE, passkey=WENT_BACK, account=AccountState(guarded=True), **PASSKEY),
        Outcome.DENY,
    ),
    "passkey of a guarded account": (
        replace(FAMILIAR, account=AccountState(guarded=True), **PASSKEY),
        Outcome.ALLOW,
    ),
    "passkey, everything else against it": (
        replace(
            ELSEWHERE,
            device=DeviceSeen(stolen=True),
            account=AccountState(recovered=True, guarded=True),
            **PASSKEY,
        ),
        Outcome.DENY,
    ),
}


@pytest.mark.parametrize(("context", "expected"), CASES.values(), ids=CASES.keys())
def test_the_policy_that_ships(context: RiskContext, expected: Outcome) -> None:
    decision = assess(POLICY, context)
    assert decision.decision is expected
    assert decision.required == (Level.NONE if expected is not Outcome.STEP_UP else decision.required)


@pytest.mark.parametrize("code", AUTOMATION)
def test_a_program_is_never_just_let_in(code: str) -> None:
    typing = TypingFacts(TypingState.SCORED, 9.0, (code,))
    decision = assess(POLICY, replace(FAMILIAR, typing=typing))
    assert decision.decision is Outcome.STEP_UP
    assert "policy.always_on" in [each.code for each in decision.contributions]


@pytest.mark.parametrize(
    ("account", "required"),
    [
        (AccountState(), Level.PWD_EMAIL),
        (AccountState(guarded=True, reachable=Level.PHR), Level.PHR),
        (AccountState(guarded=True, reachable=Level.PWD_EMAIL), Level.PWD_EMAIL),
        (AccountState(guarded=True, reachable=Level.EMAIL), Level.PWD_EMAIL),
        (AccountState(guarded=True), Level.PHR),
    ],
)
def test_what_a_step_up_must_reach(account: AccountState, required: Level) -> None:
    decision = assess(POLICY, replace(ELSEWHERE, account=account))
    assert (decision.decision, decision.required) == (Outcome.STEP_UP, required)


RESET = AccountState(password_reset=True, reachable=Level.PWD_EMAIL)


@pytest.mark.parametrize(
    ("context", "lowest", "deny"),
    [
        (replace(ELSEWHERE, account=RESET), Outcome.ALLOW, Outcome.DENY),
        (replace(ELSEWHERE, account=replace(RESET, reachable=Level.PWD)), Outcome.ALLOW, Outcome.DENY),
        (replace(FAMILIAR, account=RESET), Outcome.ALLOW, Outcome.ALLOW),
        # Something else can answer, or somebody must be asked whatever the odds.
        (replace(ELSEWHERE, account=replace(RESET, reachable=Level.MFA)), Outcome.STEP_UP, Outcome.STEP_UP),
        (replace(ELSEWHERE, account=replace(RESET, reachable=Level.PHR)), Outcome.STEP_UP, Outcome.STEP_UP),
        (replace(ELSEWHERE, account=replace(RESET, guarded=True)), Outcome.STEP_UP, Outcome.STEP_UP),
        (replace(ELSEWHERE, account=replace(RESET, reachable=None)), Outcome.STEP_UP, Outcome.STEP_UP),
        (replace(ELSEWHERE, account=RESET, failed_parts=("typing",)), Outcome.STEP_UP, Outcome.STEP_UP),
        (
            replace(ELSEWHERE, account=RESET, typing=TypingFacts(TypingState.SCORED, 9.0, (AUTOMATION[0],))),
            Outcome.STEP_UP,
            Outcome.STEP_UP,
        ),
    ],
)
def test_after_a_reset_the_mailbox_answers_no_step_up(context: RiskContext, lowest: Outcome, deny: Outcome) -> None:
    strict = replace(POLICY, after_reset="deny")
    assert strict.version != POLICY.version
    assert (assess(POLICY, context).decision, assess(strict, context).decision) == (lowest, deny)
    said = "policy.after_reset" in [each.code for each in assess(strict, context).contributions]
    assert said == (deny is Outcome.DENY)


def test_the_parts_shown_add_up_to_the_score() -> None:
    for context, _ in CASES.values():
        decision = assess(POLICY, context)
        parts = [POLICY.prior_log_odds, *(each.log_odds for each in decision.contributions)]
        assert decision.log_odds == math.fsum(parts)
        assert decision.probability == pytest.approx(1 / (1 + math.exp(-decision.log_odds)))


def test_a_stored_decision_is_decided_again_bit_for_bit() -> None:
    for context, _ in CASES.values():
        stored = json.loads(json.dumps(context.to_inputs()))
        assert from_inputs(stored) == context
        assert assess(POLICY, from_inputs(stored)) == assess(POLICY, context)


def test_inputs_of_the_version_before_are_read() -> None:
    older = {name: value for name, value in FAMILIAR.to_inputs().items() if name != "passkey"}
    assert from_inputs({**older, "version": 1}) == FAMILIAR


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 99},
        {"behaviour": {"hour": "late"}},
        {"passkey": {"colour": "red"}},
        {"trigger": "magic"},
        {"first_factor": "GOLD"},
        {"device": {"known": True, "colour": "red"}},
        {"typing": None},
        {"account": {}},
        {"failed_parts": None},
        {"failed_parts": "typing"},
        {"sign_ins": "many"},
        {"since_last_sign_in_s": {}},
        {"behaviour": []},
        {"email_typing": None},
        {"failures": {"account": True}},
    ],
)
def test_stored_inputs_of_another_shape_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        from_inputs({**FAMILIAR.to_inputs(), **changes})
    with pytest.raises(ValueError, match=r".+"):
        parse_inputs(json.dumps({**FAMILIAR.to_inputs(), **changes}).encode())


@pytest.mark.parametrize("stored", [b"", b"{", b"[]", b"null", b"\xff", b'{"version": 5}'])
def test_what_is_no_json_or_no_inputs_is_refused(stored: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_inputs(stored)


def test_stored_inputs_tell_no_times_and_no_number_of_keys() -> None:
    typing = FAMILIAR.to_inputs()["typing"]
    assert set(typing) == {"state", "log_ratio", "automation"}


def test_scoring_that_fails_asks_for_more() -> None:
    decision = blind_decision(POLICY, FAMILIAR)
    assert decision.decision is Outcome.STEP_UP
    assert [each.code for each in decision.contributions] == [ENGINE_FAILED]


def test_a_score_that_is_no_number_is_not_let_in() -> None:
    decision = decide((Contribution("device.new", math.nan, ""),), POLICY, FAMILIAR)
    assert decision.decision is Outcome.STEP_UP


def shipped() -> str:
    return (files("authsvc.risk") / "policies" / "default.toml").read_text()


def test_the_version_is_of_the_content_not_of_the_text() -> None:
    again = parse_policy("# another comment\n" + shipped().replace("-6.0", "-6.00"), source="x")
    assert again.version == POLICY.version and len(POLICY.version) == 64
    changed = parse_policy(shipped().replace("passed = 0.05", "passed = 0.06"), source="x")
    assert changed.version != POLICY.version


THRESHOLDS = "[thresholds]\nstep_up_at = 0.02\ndeny_at = 0.95\n"
RULE = """
[[rule]]
name = "far_and_new"
when = 'country == "new" && !device.known'
then = "step_up"
text = "A new device in a new country."
"""
REQUIRE = '[[require]]\nclient = "cli_bank"\nlevel = "mfa"\n'


def with_thresholds(text: str) -> str:
    """The shipped policy with thresholds of its own in the place of costs."""
    begin, end = text.index("[costs]"), text.index("[step_up]")
    return text[:begin] + THRESHOLDS + text[end:]


COSTS = "[costs]\n"
END = "passkey_satisfies_step_up = true\n"  # what is appended stands at the end of the file

# what is wrong -> (what is replaced, by what, what is said)
BAD_FILES = {
    "not TOML": ("name", "name = ", "not TOML"),
    "unknown key": ("name = ", "colour = 1\nname = ", "policy.toml:5: colour: unknown"),
    "unknown key in a table": ("takeover = ", "maybe = 1\ntakeover = ", "policy.toml:13: costs.maybe: unknown"),
    "missing": ("prior_log_odds = -6.0", "", "prior_log_odds: is missing"),
    "missing in a table": ("challenge = 2", "", "policy.toml:12: costs.challenge: is missing"),
    "a text as number": ("-6.0", '"-6"', "policy.toml:8: prior_log_odds: must be a number"),
    "true as number": ("-6.0", "true", "prior_log_odds: must be a number"),
    "nan": ("-6.0", "nan", "prior_log_odds: must be a number"),
    "too far": ("-6.0", "-60", "prior_log_odds: must be a number from -20 to 20"),
    "no share": ("passed = 0.05", "passed = 1.5", "costs.passed: must be a number from 0.0001 to 0.99"),
    "denial is cheap": ("denial = 97", "denial = 1", "costs.denial: must be dearer than costs.challenge"),
    "no room for a step-up": ("passed = 0.05", "passed = 0.99", "costs.denial: a step-up would never be the cheapest"),
    "a table as value": ("[costs]\n", "costs = 1\n[other]\n", "other: unknown"),
    "both": ("[step_up]", THRESHOLDS + "[step_up]", "costs: either costs or thresholds, not both"),
    "no level": ('"pwd_email"', '"gold"', "step_up.requires: must be one of pwd_email, mfa, phr"),
    "a level that is no step-up": ('"pwd_email"', '"pwd"', "step_up.requires: must be one of"),
    "no flag": (END, "passkey_satisfies_step_up = 1\n", "must be true or false"),
    "no code": ('"device.copied"', '"device.red"', "step_up.always_on: 'device.red' is no reason code"),
    "a code that is a list": ('"device.copied"', '["device.copied"]', "is no reason code"),
    "no word for after a reset": ('"lowest_level"\n', '"shrug"\n', "after_reset: must be one of lowest_level, deny"),
    "no name": ('name = "default"', 'name = ""', "name: must be a text"),
    "a weight of no group": (COSTS, "[weights]\nluck = 1\n" + COSTS, "weights.luck: unknown"),
    "a weight out of bounds": (COSTS, "[weights]\ndevice = 9\n" + COSTS, "weights.device: must be a number from 0.5"),
    "labels that are none": (COSTS, "[weights]\nlabels = -1\n" + COSTS, "weights.labels: must be a whole number"),
    "a requirement of nothing": (COSTS, '[[require]]\nlevel = "mfa"\n' + COSTS, "require[1].level: needs a client"),
    "no action": (COSTS, '[[require]]\naction = "fly"\nlevel = "mfa"\n' + COSTS, "require[1].action: must be one of"),
    "the second of two": (
        COSTS,
        REQUIRE + REQUIRE.replace("mfa", "none") + COSTS,
        "policy.toml:17: require[2].level: must be one of",
    ),
    "requirements that are no tables": ("name = ", "require = 1\nname = ", "require: must be tables"),
    "a rule that lets in": (COSTS, RULE.replace("step_up", "allow") + COSTS, "rule[1].then: must be one of step_up"),
    "a rule without words": (COSTS, RULE.replace('text = "A', 'words = "A') + COSTS, "rule[1].words: unknown"),
    "two rules of one name": (COSTS, RULE + RULE + COSTS, "rule[2].name: 'far_and_new' names two rules"),
    "a rule's name": (COSTS, RULE.replace("far_and", "Far and") + COSTS, "rule[1].name: must be of small letters"),
    "a denial that requires": (
        COSTS,
        RULE.replace('"step_up"', '"deny"\nrequires = "mfa"') + COSTS,
        "rule[1].requires: a denial requires nothing",
    ),
    "an unknown fact": (
        COSTS,
        RULE.replace("country", "land") + COSTS,
        "policy.toml:15: rule[1].when: 'land' is no fact",
    ),
    "a fact of another kind": (
        COSTS,
        RULE.replace("!device.known", "device.known == 1") + COSTS,
        "rule[1].when: '==' compares bool with int",
    ),
    "a rule of several lines": (
        COSTS,
        RULE.replace("""'country == "new" && !device.known'""", '"""country == \'new\'\n  && device"""') + COSTS,
        "policy.toml:16: rule[1].when: 'device' is no fact",
    ),
    "a control character": ('name = "default"', 'name = "de\\u0007fault"', "name: holds a control character"),
}


@pytest.mark.parametrize(("old", "new", "message"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_bad_policy_is_refused_with_file_key_and_reason(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = shipped()
    assert old in text
    path = tmp_path / "policy.toml"
    path.write_text(text.replace(old, new, 1) if old != "name" else new)
    with pytest.raises(PolicyRefused) as caught:
        load_policy(path)
    assert str(path) in str(caught.value) and message in str(caught.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"], ids=["no file", "not text"])
def test_a_policy_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "policy.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PolicyRefused, match="can't be read"):
        load_policy(path)
