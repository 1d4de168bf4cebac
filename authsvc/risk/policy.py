"""From what the signals say to allow, step up or deny. Pure.

    log_odds    = prior + sum of contributions           (exact sum: the order of the signals changes no bit)
    probability = 1 / (1 + exp(-log_odds))

1. probability >= deny_at: deny; >= step_up_at: step up; else allow. The thresholds are those at which each is the
   cheapest (costs.py), unless the policy names them itself.
2. An allow becomes a step-up when a reason of `always_on` is among the contributions, when the account is
   guarded, or when a part of the facts could not be looked at (fail closed).
3. The policy's own rules (rules/) only tighten: an allow becomes a step-up, and either of them a denial. A rule that
   can't be run counts as one that asks for a step-up.
4. An allow becomes a step-up where client and action require a level that the first factor has not reached.
5. A step-up becomes an allow when the first factor was a passkey with user verification and the policy says that this
   satisfies it: there is nothing stronger to ask for. A denial stays one.
6. Within 24 hours of a reset by mail the mailbox proves nothing more, so an account that has nothing else could not
   answer a step-up. By the thresholds alone it becomes what `after_reset` says: an allow at the lowest level, with
   what is sensitive closed for those hours (login/account/fresh), or a denial. What rules 2 to 4 ask for stays.

A rule that changed the outcome is shown among the contributions, with log-odds 0.

A policy is content-addressed: its version is the SHA-256 of its values in canonical JSON (RFC 8785), so two files with
the same version decide alike, and a stored decision names exactly what decided it.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal

import msgspec
import rfc8785

from authsvc.accounts.levels import Level
from authsvc.risk.context import Action, RiskContext
from authsvc.risk.contribution import Contribution
from authsvc.risk.costs import Costs
from authsvc.risk.rules.common_expression_language import RuleFailed, compiled
from authsvc.risk.rules.facts import Subject
from authsvc.risk.signals import MODEL_VERSION, score

ENGINE_FAILED = "policy.engine_failed"
RULE_FAILED = "policy.rule_failed"
NOT_FROM_LABELS = "from the simulator and published figures"

AfterReset = Literal["lowest_level", "deny"]


class Outcome(StrEnum):
    ALLOW = "allow"
    STEP_UP = "step_up"
    DENY = "deny"


_ORDER = {Outcome.ALLOW: 0, Outcome.STEP_UP: 1, Outcome.DENY: 2}


@dataclass(frozen=True)
class Rule:
    """One expression, and what follows where it holds."""

    name: str
    when: str  # rules/check.py
    then: Outcome  # STEP_UP or DENY
    text: str  # to the analyst
    requires: Level | None = None  # of its step-up; None is the policy's


@dataclass(frozen=True)
class Requirement:
    """The least level for a client, an action, or both; None is any."""

    level: Level
    client: str | None = None
    action: Action | None = None

    def covers(self, context: RiskContext) -> bool:
        """Return whether the sign-in falls under it."""
        return self.client in (None, context.client_id) and self.action in (None, context.action)


@dataclass(frozen=True)
class Weights:
    """What the groups of signals count for, and what that was learned from."""

    groups: tuple[tuple[str, float], ...] = ()  # by name, sorted; a group that is absent counts once
    labels: int = 0  # that they were fitted to; none: from the simulator and published figures

    @cached_property
    def by_group(self) -> Mapping[str, float]:
        return dict(self.groups)

    @property
    def source(self) -> str:
        return f"recalibrated on {self.labels} labels" if self.labels else NOT_FROM_LABELS


@dataclass(frozen=True)
class Policy:
    """Values of one policy file; docs/reference/policy.md says what each means."""

    name: str
    prior_log_odds: float
    step_up_at: float
    deny_at: float
    requires: Level
    passkey_satisfies_step_up: bool
    always_on: frozenset[str]
    after_reset: AfterReset = "lowest_level"
    costs: Costs | None = None  # that the thresholds were computed from
    requirements: tuple[Requirement, ...] = ()
    rules: tuple[Rule, ...] = ()
    weights: Weights = Weights()

    @cached_property
    def version(self) -> str:
        return hashlib.sha256(rfc8785.dumps(self.content())).hexdigest()

    def content(self) -> dict[str, Any]:
        """Return all that it says, as JSON values. What was not said is left out: a later key changes no version."""
        content: dict[str, Any] = {
            "name": self.name,
            "prior_log_odds": self.prior_log_odds,
            "step_up_at": self.step_up_at,
            "deny_at": self.deny_at,
            "requires": self.requires.name,
            "passkey_satisfies_step_up": self.passkey_satisfies_step_up,
            "always_on": sorted(self.always_on),
            "after_reset": self.after_reset,
        }
        if self.costs is not None:
            content["costs"] = vars(self.costs)
        if self.requirements:
            content["requirements"] = [[each.level.name, each.client, each.action] for each in self.requirements]
        if self.rules:
            content["rules"] = [
                [rule.name, rule.when, rule.then, rule.text, rule.requires and rule.requires.name]
                for rule in self.rules
            ]
        if self.weights.groups or self.weights.labels:
            content["weights"] = {"groups": dict(self.weights.groups), "labels": self.weights.labels}
        return content


class Decision(msgspec.Struct, frozen=True):  # made in a tenth of a dataclass's time; a replay makes two of every row
    """The outcome and everything that explains it. `required`: what a step-up must reach, else Level.NONE."""

    decision: Outcome
    log_odds: float
    probability: float
    contributions: tuple[Contribution, ...]
    policy_version: str
    model_version: str
    required: Level


def assess(policy: Policy, context: RiskContext) -> Decision:
    """Return the decision on this context: every signal's say, then the policy."""
    return decide(score(context, policy.weights.by_group), policy, context)


def decide(contributions: tuple[Contribution, ...], policy: Policy, context: RiskContext) -> Decision:
    """Return the decision on what the signals said."""
    log_odds = math.fsum([policy.prior_log_odds, *[each.log_odds for each in contributions]])
    probability = _probability(log_odds)
    outcome = _by_thresholds(probability, policy)  # 1
    asked = [*_forcing(contributions, policy, context)]  # 2
    if policy.rules:
        asked += _ruling(contributions, policy, context, probability)  # 3
    if policy.requirements:
        asked += _requiring(policy, context)  # 4
    before, shown = outcome, tuple[Contribution, ...]()
    if asked:
        outcome = max((outcome, *(each.outcome for each in asked)), key=_ORDER.__getitem__)
        shown = tuple(each.shown for each in asked if each.outcome is outcome and each.matters(before, policy, context))
    if outcome is Outcome.STEP_UP and context.first_factor >= Level.PHR and policy.passkey_satisfies_step_up:  # 5
        outcome = Outcome.ALLOW
        shown = (*shown, Contribution("policy.passkey_satisfies", 0.0, "A passkey was used; nothing is stronger."))
    if outcome is Outcome.STEP_UP and not asked and _nothing_answers(context):  # 6
        outcome = Outcome.DENY if policy.after_reset == "deny" else Outcome.ALLOW
        text = "The password was reset by mail, and the account has nothing else: the policy says what then."
        shown = (Contribution("policy.after_reset", 0.0, text),)
    return Decision(
        decision=outcome,
        log_odds=log_odds,
        probability=probability,
        contributions=(*contributions, *shown),
        policy_version=policy.version,
        model_version=MODEL_VERSION,
        required=_level(before, asked, policy, context) if outcome is Outcome.STEP_UP else Level.NONE,
    )


def blind_decision(policy: Policy, context: RiskContext) -> Decision:
    """Return the step-up that stands in for a decision when scoring itself failed."""
    text = "The risk engine failed; the customer was asked for more."
    return Decision(
        decision=Outcome.STEP_UP,
        log_odds=policy.prior_log_odds,
        probability=_probability(policy.prior_log_odds),
        contributions=(Contribution(ENGINE_FAILED, 0.0, text),),
        policy_version=policy.version,
        model_version=MODEL_VERSION,
        required=_required(policy, context),
    )


def _probability(log_odds: float) -> float:
    if log_odds >= 0:
        return 1 / (1 + math.exp(-log_odds))
    odds = math.exp(log_odds)  # never overflows
    return odds / (1 + odds)


def _by_thresholds(probability: float, policy: Policy) -> Outcome:
    if probability >= policy.deny_at:
        return Outcome.DENY
    return Outcome.ALLOW if probability < policy.step_up_at else Outcome.STEP_UP  # also what NaN would be


@dataclass(frozen=True)
class _Asked:
    """What a rule asks for, and how that is shown."""

    outcome: Outcome
    level: Level
    shown: Contribution

    def matters(self, before: Outcome, policy: Policy, context: RiskContext) -> bool:
        """Return whether it changes what the thresholds alone would do."""
        higher = self.outcome is Outcome.STEP_UP and self.level > _required(policy, context)
        return self.outcome is not before or higher or self.shown.code == RULE_FAILED


def _forcing(contributions: tuple[Contribution, ...], policy: Policy, context: RiskContext) -> Iterator[_Asked]:
    level = _required(policy, context)
    if not policy.always_on.isdisjoint([each.code for each in contributions]):
        text = "The policy asks for a step-up at one of these reasons, whatever the rest."
        yield _Asked(Outcome.STEP_UP, level, Contribution("policy.always_on", 0.0, text))
    if context.account.guarded:
        text = "The strongest factor is asked for after a warning."
        yield _Asked(Outcome.STEP_UP, level, Contribution("policy.guarded", 0.0, text))
    if context.failed_parts:
        text = f"Could not be looked at: {', '.join(context.failed_parts)}."
        yield _Asked(Outcome.STEP_UP, level, Contribution("policy.part_failed", 0.0, text))


def _ruling(
    contributions: tuple[Contribution, ...], policy: Policy, context: RiskContext, probability: float
) -> Iterator[_Asked]:
    subject = Subject(context, probability, tuple(each.code for each in contributions))
    for rule in policy.rules:
        level = max(rule.requires or Level.NONE, _required(policy, context))
        try:
            if compiled(rule.when).holds(subject):
                yield _Asked(rule.then, level, Contribution(f"policy.rule.{rule.name}", 0.0, rule.text))
        except RuleFailed:
            text = f"The rule {rule.name} could not be run; the customer was asked for more."
            yield _Asked(Outcome.STEP_UP, level, Contribution(RULE_FAILED, 0.0, text))


def _requiring(policy: Policy, context: RiskContext) -> Iterator[_Asked]:
    level = max((each.level for each in policy.requirements if each.covers(context)), default=Level.NONE)
    if context.first_factor < level:
        text = "The policy requires this level of the client or the action, whatever the risk."
        yield _Asked(Outcome.STEP_UP, level, Contribution("policy.required_level", 0.0, text))


def _nothing_answers(context: RiskContext) -> bool:
    strongest = context.account.reachable
    only_mailbox = strongest is not None and strongest <= Level.PWD_EMAIL
    return context.account.password_reset and only_mailbox


def _level(before: Outcome, asked: Sequence[_Asked], policy: Policy, context: RiskContext) -> Level:
    by_risk = Level.NONE if before is Outcome.ALLOW else _required(policy, context)
    if not asked:
        return by_risk
    return max((by_risk, *(each.level for each in asked if each.outcome is Outcome.STEP_UP)))


def _required(policy: Policy, context: RiskContext) -> Level:
    if not context.account.guarded:
        return policy.requires
    strongest = context.account.reachable
    return Level.PHR if strongest is None else max(policy.requires, strongest)
