"""Rules of a policy: which expressions are taken, that what is taken always answers, and what a rule does."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authsvc.accounts.levels import Level
from authsvc.risk import policy as policy_module
from authsvc.risk.context import Action, DeviceSeen, Seen, Trigger
from authsvc.risk.policy import RULE_FAILED, Outcome, Requirement, Rule, assess
from authsvc.risk.policy_file import default_policy
from authsvc.risk.rules.check import DEEPEST, LONGEST, ExpressionRefused, check_expression
from authsvc.risk.rules.common_expression_language import Compiled, RuleFailed, compiled
from authsvc.risk.rules.facts import FACTS, Kind, Subject
from tests.pure.test_risk_properties import contexts
from tests.pure.test_risk_signals import FAMILIAR

POLICY = default_policy()
ABROAD = replace(FAMILIAR, network=Seen.NEW, country=Seen.NEW)

HOLD = {
    "true": True,
    'country == "new"': True,
    "country == 'known'": False,
    "!device.known": False,
    "! !device.known && true": True,
    "sign_ins >= 40 && sign_ins <= 40.5": True,
    'country in ["new", "unknown"]': True,
    '"country.new" in reasons': True,
    'client == "" || client == "cli_shop"': True,
    "(failures.account > 3 || device.age_s > 86400) && !(account.guarded)": True,
    'country == "new"\n  && device.known': True,
    "probability < 1.0e-1": True,
    "device.known == true": True,
    "typing.log_ratio == -0.0": True,
}


@pytest.mark.parametrize(("expression", "expected"), HOLD.items())
def test_an_expression_holds_or_not(expression: str, expected: bool) -> None:
    assert compiled(expression).holds(Subject(ABROAD, 0.02, ("country.new",))) is expected


REFUSED = {
    "": (1, "it ends too early"),
    "device.known &&": (1, "it ends too early"),
    "device.known device.known": (1, "'device.known' is not expected here"),
    "land == 'new'": (1, "'land' is no fact; known are account.guarded"),
    "device": (1, "'device' is no fact"),
    "device.known.since": (1, "'device.known.since' is no fact"),
    "sign_ins": (1, "it must be true or false, and is int"),
    "!sign_ins": (1, "'!' takes true or false, not int"),
    "sign_ins && true": (1, "'&&' takes true or false, not int"),
    "true || 1": (1, "'||' takes true or false, not int"),
    "device.known == 1": (1, "'==' compares bool with int"),
    "country == 1": (1, "'==' compares string with int"),
    "country < 'new'": (1, "'<' compares numbers, not string with string"),
    "country == 'NEW'": (1, "country is never 'NEW'; it is one of known, new, unknown"),
    "'mars' != country": (1, "country is never 'mars'"),
    "country in ['new', 'old']": (1, "country is never 'old'"),
    "'country.old' in reasons": (1, "reasons is never 'country.old'"),
    "sign_ins in [1]": (1, "a list holds texts"),
    "country in []": (1, "a list holds texts, at least one"),
    "country in ['new'": (1, "']' is missing"),
    "country in country": (1, "'in' looks for a text in a list"),
    "(true": (1, "')' is missing"),
    "true\n&& nothing": (2, "'nothing' is no fact"),
    "size(reasons) > 3": (1, "'size' is no fact"),
    "reasons.exists(each, true)": (1, "'reasons.exists' is no fact"),
    "sign_ins + 1 > 2": (1, "'+' is not expected here"),
    "sign_ins > 99999999999999999999": (1, "is too large"),
    "country == 'n\\ew'": (1, '"\'" is not expected here'),
    "country == null": (1, "'null' is no fact"),
    "true ? true : false": (1, "'?' is not expected here"),
    "1 < 2 < 3": (1, "'<' is not expected here"),
    "(" * DEEPEST + "true" + ")" * DEEPEST: (1, "nested deeper"),
    "!" * DEEPEST + "true": (1, "nested deeper"),
    "true || " * (LONGEST // 7) + "true": (1, "longer than"),
    "country in [" + ",".join(["'new'"] * 51) + "]": (1, "a list of more than 50"),
}


@pytest.mark.parametrize(("expression", "expected"), REFUSED.items(), ids=[str(n) for n in range(len(REFUSED))])
def test_what_could_surprise_is_refused_with_line_and_reason(expression: str, expected: tuple[int, str]) -> None:
    with pytest.raises(ExpressionRefused) as caught:
        check_expression(expression)
    assert caught.value.line == expected[0] and expected[1] in str(caught.value)


def _relations() -> st.SearchStrategy[str]:
    numbers = [fact.name for fact in FACTS.values() if fact.kind in (Kind.INT, Kind.DOUBLE)]
    texts = [fact for fact in FACTS.values() if fact.kind is Kind.STRING]
    number = (
        st.sampled_from(numbers)
        | st.integers(-(2**63) + 1, 2**63 - 1).map(str)
        | st.floats(-1e9, 1e9, allow_nan=False).map(lambda value: f"{value:.3f}")
    )
    compared = st.tuples(number, st.sampled_from(("==", "!=", "<", "<=", ">", ">=")), number).map(" ".join)
    text = st.sampled_from(texts).flatmap(
        lambda fact: st.sampled_from(fact.values or ("cli_shop",)).map(lambda value: f'{fact.name} == "{value}"')
    )
    member = st.sampled_from(FACTS["reasons"].values).map(lambda code: f'"{code}" in reasons')
    truth = st.sampled_from([fact.name for fact in FACTS.values() if fact.kind is Kind.BOOL])
    return compared | text | member | truth


expressions = st.recursive(
    _relations(),
    lambda part: (
        st.tuples(part, st.sampled_from(("&&", "||")), part).map(" ".join)
        | part.map(lambda inner: f"!({inner})")
        | part.map(lambda inner: f"({inner})")
    ),
    max_leaves=6,
).filter(lambda text: len(text) <= LONGEST)


@settings(max_examples=200, deadline=None)
@given(expressions, contexts, st.floats(0, 1))
def test_whatever_is_taken_answers_of_every_context(expression: str, context, probability: float) -> None:
    assert compiled(expression).holds(Subject(context, probability, ("country.new",))) in (True, False)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_text_makes_the_checker_fail_otherwise(text: str) -> None:
    try:
        names = check_expression(text)
    except ExpressionRefused:
        return
    assert set(names) <= set(FACTS)


def ruled(when: str, then: Outcome = Outcome.STEP_UP, requires: Level | None = None):
    return replace(POLICY, rules=(Rule("far", when, then, "Far away.", requires),))


def test_a_rule_asks_for_more_and_says_so() -> None:
    assert assess(POLICY, ABROAD).decision is Outcome.ALLOW
    decision = assess(ruled('country == "new"'), ABROAD)
    assert (decision.decision, decision.required) == (Outcome.STEP_UP, Level.PWD_EMAIL)
    assert decision.contributions[-1].code == "policy.rule.far"
    assert decision.log_odds == assess(POLICY, ABROAD).log_odds, "a rule is no evidence"


def test_a_rule_denies_or_asks_for_a_level() -> None:
    assert assess(ruled('country == "new"', Outcome.DENY), ABROAD).decision is Outcome.DENY
    assert assess(ruled("true", requires=Level.MFA), ABROAD).required is Level.MFA
    asked = replace(FAMILIAR, device=DeviceSeen(), network=Seen.NEW, country=Seen.NEW)
    assert assess(POLICY, asked).required is Level.PWD_EMAIL
    higher = assess(ruled("true", requires=Level.MFA), asked)
    assert higher.required is Level.MFA and higher.contributions[-1].code == "policy.rule.far"


def test_a_rule_that_does_not_hold_changes_nothing() -> None:
    plain, under = assess(POLICY, FAMILIAR), assess(ruled('country == "new"'), FAMILIAR)
    assert (plain.decision, plain.contributions) == (under.decision, under.contributions)


def test_a_passkey_answers_a_rule_but_no_denial() -> None:
    passkey = replace(ABROAD, trigger=Trigger.PASSKEY, first_factor=Level.PHR)
    assert assess(ruled("true"), passkey).decision is Outcome.ALLOW
    assert assess(ruled("true", Outcome.DENY), passkey).decision is Outcome.DENY


def test_a_rule_that_cannot_run_asks_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: str) -> Compiled:
        raise RuleFailed("out of order")

    monkeypatch.setattr(policy_module, "compiled", broken)
    decision = assess(ruled("true"), FAMILIAR)
    assert decision.decision is Outcome.STEP_UP
    assert decision.contributions[-1].code == RULE_FAILED


def test_an_evaluator_that_raises_or_answers_a_number_is_a_failed_rule() -> None:
    def raises(_: object) -> bool:
        raise RuntimeError("no")

    for execute in (raises, lambda _: 1):
        with pytest.raises(RuleFailed):
            Compiled((), execute).holds(Subject(FAMILIAR, 0.0, ()))


BANK = Requirement(Level.MFA, client="cli_bank")
RESET = Requirement(Level.MFA, action=Action.RESET)


@pytest.mark.parametrize(
    ("requirement", "changes", "required"),
    [
        (BANK, {}, Level.NONE),
        (BANK, {"client_id": "cli_bank"}, Level.MFA),
        (BANK, {"client_id": "cli_bank", "first_factor": Level.MFA}, Level.NONE),
        (BANK, {"client_id": "cli_bank", "first_factor": Level.PHR}, Level.NONE),
        (RESET, {"client_id": "cli_bank"}, Level.NONE),
        (RESET, {"action": Action.RESET}, Level.MFA),
        (replace(BANK, action=Action.CONSOLE), {"client_id": "cli_bank"}, Level.NONE),
        (replace(BANK, action=Action.CONSOLE), {"client_id": "cli_bank", "action": Action.CONSOLE}, Level.MFA),
    ],
)
def test_a_level_is_required_of_a_client_or_an_action(
    requirement: Requirement, changes: dict[str, object], required: Level
) -> None:
    decision = assess(replace(POLICY, requirements=(requirement,)), replace(FAMILIAR, **changes))
    assert decision.required is required
    assert ("policy.required_level" in [each.code for each in decision.contributions]) == (required is not Level.NONE)
