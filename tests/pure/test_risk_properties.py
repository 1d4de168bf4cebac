"""No input makes a score NaN or an exception; more evidence against never lowers the risk."""

import json
import math
from collections.abc import Callable
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from authsvc.accounts.levels import Level
from authsvc.risk.context import (
    AccountState,
    Action,
    BehaviourFacts,
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
from authsvc.risk.history.behaviour.likelihood import ROUND_TRIP, TRAVEL
from authsvc.risk.history.behaviour.sighting import Feature
from authsvc.risk.keystroke.automation import FINDINGS
from authsvc.risk.policy import Outcome, Policy, Requirement, Rule, Weights, assess
from authsvc.risk.policy_file import load_policy, parse_policy, policy_text
from authsvc.risk.signals.groups import GROUPS, LEAST_WEIGHT, MOST_WEIGHT

POLICY = load_policy(None)
PARTS = [*map(str, Feature), ROUND_TRIP, TRAVEL]
SEVERITY = {Outcome.ALLOW: 0, Outcome.STEP_UP: 1, Outcome.DENY: 2}

any_float = st.floats(allow_nan=True, allow_infinity=True)
count = st.integers(min_value=-5, max_value=10**12)
RULES = (
    (),
    (Rule("far", 'country == "new" && !device.known', Outcome.STEP_UP, "Far.", Level.MFA),),
    (Rule("guessed", "failures.account > 30 || probability >= 0.5", Outcome.DENY, "Guessed."),),
)
policies = st.builds(
    replace,
    st.just(POLICY),
    weights=st.dictionaries(
        st.sampled_from([group.name for group in GROUPS]), st.floats(LEAST_WEIGHT, MOST_WEIGHT)
    ).map(lambda weights: Weights(tuple(sorted(weights.items())), len(weights))),
    rules=st.sampled_from(RULES),
    requirements=st.sampled_from(((), (Requirement(Level.MFA, client="cli_bank"),))),
)
contexts = st.builds(
    RiskContext,
    trigger=st.sampled_from(Trigger),
    first_factor=st.sampled_from(Level),
    device=st.builds(DeviceSeen, known=st.booleans(), age_s=st.none() | any_float, stolen=st.booleans()),
    network=st.sampled_from(Seen),
    country=st.sampled_from(Seen),
    failures=st.builds(
        FailureCounts, account=count, address=count, address_accounts=count, account_sources=count, incidents=count
    ),
    since_last_sign_in_s=st.none() | any_float,
    sign_ins=st.integers(0, 10**9),
    typing=st.builds(
        TypingFacts,
        state=st.sampled_from(TypingState),
        log_ratio=st.none() | any_float,
        automation=st.lists(st.sampled_from([*FINDINGS, "automation.of_the_future"])).map(tuple),
    ),
    email_typing=st.builds(TypingFacts, state=st.sampled_from(TypingState), log_ratio=st.none() | any_float),
    account=st.builds(
        AccountState,
        guarded=st.booleans(),
        recovered=st.booleans(),
        password_reset=st.booleans(),
        reachable=st.none() | st.sampled_from(Level),
    ),
    passkey=st.builds(PasskeyFacts, counter_went_back=st.booleans()),
    behaviour=st.dictionaries(st.sampled_from([*PARTS, "of_the_future"]), any_float).map(
        lambda parts: BehaviourFacts(tuple(sorted(parts.items())))
    ),
    action=st.sampled_from(Action),
    client_id=st.sampled_from((None, "cli_bank", "cli_shop")),
    failed_parts=st.lists(st.sampled_from(["typing", "country"])).map(tuple),
)


def finite(context: RiskContext) -> RiskContext:
    """What gather makes: never NaN or infinity."""

    def clean(value: float | None) -> float | None:
        return value if value is None or math.isfinite(value) else 0.0

    return replace(
        context,
        device=replace(context.device, age_s=clean(context.device.age_s)),
        since_last_sign_in_s=clean(context.since_last_sign_in_s),
        typing=replace(context.typing, log_ratio=clean(context.typing.log_ratio)),
        email_typing=replace(context.email_typing, log_ratio=clean(context.email_typing.log_ratio)),
        behaviour=BehaviourFacts(tuple((name, clean(part) or 0.0) for name, part in context.behaviour.parts)),
    )


@settings(deadline=None)  # a loaded machine says nothing about scores
@given(contexts, policies)
def test_no_context_makes_a_score_nan_or_an_exception(context: RiskContext, policy: Policy) -> None:
    decision = assess(policy, context)
    assert math.isfinite(decision.log_odds)
    assert 0 <= decision.probability <= 1
    assert all(math.isfinite(each.log_odds) for each in decision.contributions)
    assert (decision.required is Level.NONE) == (decision.decision is not Outcome.STEP_UP)


@settings(deadline=None)
@given(contexts.map(finite))
def test_any_context_is_decided_again_bit_for_bit_after_storage(context: RiskContext) -> None:
    stored = parse_inputs(json.dumps(context.to_inputs(), allow_nan=False).encode())
    assert stored == from_inputs(context.to_inputs()) == context
    assert assess(POLICY, stored) == assess(POLICY, context)


@settings(deadline=None)
@given(contexts)
def test_values_that_json_does_not_have_are_read_as_they_were_written(context: RiskContext) -> None:
    stored = parse_inputs(json.dumps(context.to_inputs()).encode())
    assert repr(stored) == repr(context), "NaN equals nothing"
    assert assess(POLICY, stored) == assess(POLICY, context)


def _against(name: str) -> Callable[[RiskContext, float], RiskContext]:
    return {
        "the device is not known": lambda c, _: replace(c, device=DeviceSeen(stolen=c.device.stolen)),
        "the device is known for less long": lambda c, much: replace(
            c, device=replace(c.device, age_s=None if c.device.age_s is None else c.device.age_s - much)
        ),
        "the cookie was copied": lambda c, _: replace(c, device=replace(c.device, stolen=True)),
        "the network is new": lambda c, _: replace(c, network=Seen.NEW),
        "the network is not known": lambda c, _: replace(
            c, network=Seen.UNKNOWN if c.network is Seen.KNOWN else c.network
        ),
        "the country is new": lambda c, _: replace(c, country=Seen.NEW),
        "more failures on the account": lambda c, much: replace(
            c, failures=replace(c.failures, account=c.failures.account + int(much))
        ),
        "more failures from the address": lambda c, much: replace(
            c, failures=replace(c.failures, address=c.failures.address + int(much))
        ),
        "more accounts tried": lambda c, much: replace(
            c, failures=replace(c.failures, address_accounts=c.failures.address_accounts + int(much))
        ),
        "more sources tried the account": lambda c, much: replace(
            c, failures=replace(c.failures, account_sources=c.failures.account_sources + int(much))
        ),
        "one more incident": lambda c, _: replace(c, failures=replace(c.failures, incidents=c.failures.incidents + 1)),
        "behaves less like the owner": lambda c, much: replace(
            c, behaviour=BehaviourFacts(tuple((name, part + much / 50) for name, part in c.behaviour.parts))
        ),
        "the counter went back": lambda c, _: replace(c, passkey=PasskeyFacts(counter_went_back=True)),
        "longer away": lambda c, much: replace(c, since_last_sign_in_s=(c.since_last_sign_in_s or 0.0) + much * 86_400),
        "typed less alike": lambda c, much: replace(
            c,
            typing=replace(c.typing, log_ratio=None if c.typing.log_ratio is None else c.typing.log_ratio - much / 50),
        ),
        "the address typed less alike": lambda c, much: replace(
            c,
            email_typing=replace(
                c.email_typing,
                log_ratio=None if c.email_typing.log_ratio is None else c.email_typing.log_ratio - much / 50,
            ),
        ),
        **{
            code: lambda c, _, code=code: replace(c, typing=replace(c.typing, automation=(*c.typing.automation, code)))
            for code in FINDINGS
        },
        "guarded": lambda c, _: replace(c, account=replace(c.account, guarded=True)),
        "recovered": lambda c, _: replace(c, account=replace(c.account, recovered=True)),
        "password reset": lambda c, _: replace(c, account=replace(c.account, password_reset=True)),
        "a part failed": lambda c, _: replace(c, failed_parts=("typing", *c.failed_parts)),
    }[name]


AGAINST = (
    "the device is not known",
    "the device is known for less long",
    "the cookie was copied",
    "the network is new",
    "the network is not known",
    "the country is new",
    "more failures on the account",
    "more failures from the address",
    "more accounts tried",
    "more sources tried the account",
    "one more incident",
    "behaves less like the owner",
    "the counter went back",
    "longer away",
    "typed less alike",
    "the address typed less alike",
    *FINDINGS,
    "guarded",
    "recovered",
    "password reset",
    "a part failed",
)


@settings(deadline=None)
@given(policies)
def test_any_policy_is_read_again_as_the_same_version(policy: Policy) -> None:
    assert parse_policy(policy_text(policy), source="x") == policy


@settings(deadline=None)
@given(contexts.map(finite), policies, st.lists(st.sampled_from(AGAINST), min_size=1), st.floats(0, 1_000))
def test_more_evidence_against_never_lowers_the_risk(
    context: RiskContext, policy: Policy, names: list[str], much: float
) -> None:
    before, worse = assess(policy, context), context
    for name in names:
        worse = _against(name)(worse, much)
    after = assess(policy, worse)
    assert after.log_odds >= before.log_odds - 1e-12
    assert SEVERITY[after.decision] >= SEVERITY[before.decision]
    if before.decision is after.decision is Outcome.STEP_UP and not context.account.guarded:
        assert after.required >= before.required
