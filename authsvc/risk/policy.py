"""From what the signals say to allow, step up or deny. Pure.

    log_odds    = prior + sum of contributions           (exact sum: the order of the signals changes no bit)
    probability = 1 / (1 + exp(-log_odds))

1. probability >= deny_at: deny; >= step_up_at: step up; else allow.
2. An allow becomes a step-up when a reason of `always_on` is among the contributions, when the account is
   guarded, or when a part of the facts could not be looked at (fail closed).
3. A step-up becomes an allow when the first factor was a passkey with user verification and the policy says that this
   satisfies it: there is nothing stronger to ask for. A denial stays one.
4. Within 24 hours of a reset by mail the mailbox proves nothing more, so an account that has nothing else could not
   answer a step-up. By the thresholds alone it becomes what `after_reset` says: an allow at the lowest level, with
   what is sensitive closed for those hours (login/account/fresh), or a denial. What rule 2 asks for stays.

A rule that changed the outcome is shown among the contributions, with log-odds 0.

A policy is content-addressed: its version is the SHA-256 of its values in canonical JSON (RFC 8785), so two files with
the same version decide alike, and a stored decision names exactly what decided it.
"""

import hashlib
import math
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal

import rfc8785

from authsvc.accounts.levels import Level
from authsvc.risk.context import RiskContext
from authsvc.risk.contribution import Contribution
from authsvc.risk.signals import MODEL_VERSION, score

ENGINE_FAILED = "policy.engine_failed"

AfterReset = Literal["lowest_level", "deny"]


class Outcome(StrEnum):
    ALLOW = "allow"
    STEP_UP = "step_up"
    DENY = "deny"


@dataclass(frozen=True)
class Policy:
    """Values of one policy file; see policies/default.toml for what each means."""

    name: str
    prior_log_odds: float
    step_up_at: float
    deny_at: float
    requires: Level
    passkey_satisfies_step_up: bool
    always_on: frozenset[str]
    after_reset: AfterReset = "lowest_level"

    @cached_property
    def version(self) -> str:
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
        return hashlib.sha256(rfc8785.dumps(content)).hexdigest()


@dataclass(frozen=True)
class Decision:
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
    return decide(score(context), policy, context)


def decide(contributions: tuple[Contribution, ...], policy: Policy, context: RiskContext) -> Decision:
    """Return the decision on what the signals said."""
    log_odds = math.fsum([policy.prior_log_odds, *(each.log_odds for each in contributions)])
    probability = _probability(log_odds)
    outcome = _by_thresholds(probability, policy)  # 1
    rules: tuple[Contribution, ...] = ()
    if outcome is Outcome.ALLOW and (rules := _forcing(contributions, policy, context)):  # 2
        outcome = Outcome.STEP_UP
    if outcome is Outcome.STEP_UP and context.first_factor >= Level.PHR and policy.passkey_satisfies_step_up:  # 3
        outcome = Outcome.ALLOW
        rules = (*rules, Contribution("policy.passkey_satisfies", 0.0, "A passkey was used; nothing is stronger."))
    if outcome is Outcome.STEP_UP and not rules and _nothing_answers(contributions, policy, context):  # 4
        outcome = Outcome.DENY if policy.after_reset == "deny" else Outcome.ALLOW
        text = "The password was reset by mail, and the account has nothing else: the policy says what then."
        rules = (Contribution("policy.after_reset", 0.0, text),)
    return Decision(
        decision=outcome,
        log_odds=log_odds,
        probability=probability,
        contributions=(*contributions, *rules),
        policy_version=policy.version,
        model_version=MODEL_VERSION,
        required=_required(policy, context) if outcome is Outcome.STEP_UP else Level.NONE,
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


def _forcing(contributions: tuple[Contribution, ...], policy: Policy, context: RiskContext) -> tuple[Contribution, ...]:
    rules = []
    if any(each.code in policy.always_on for each in contributions):
        text = "The policy asks for a step-up at one of these reasons, whatever the rest."
        rules.append(Contribution("policy.always_on", 0.0, text))
    if context.account.guarded:
        rules.append(Contribution("policy.guarded", 0.0, "The strongest factor is asked for after a warning."))
    if context.failed_parts:
        text = f"Could not be looked at: {', '.join(context.failed_parts)}."
        rules.append(Contribution("policy.part_failed", 0.0, text))
    return tuple(rules)


def _nothing_answers(contributions: tuple[Contribution, ...], policy: Policy, context: RiskContext) -> bool:
    strongest = context.account.reachable
    only_mailbox = strongest is not None and strongest <= Level.PWD_EMAIL
    return context.account.password_reset and only_mailbox and not _forcing(contributions, policy, context)


def _required(policy: Policy, context: RiskContext) -> Level:
    if not context.account.guarded:
        return policy.requires
    strongest = context.account.reachable
    return Level.PHR if strongest is None else max(policy.requires, strongest)
