"""Read a policy: the operator's TOML file, or the one that ships in the package.

A file that can't be used is refused as a whole, with its name, the line, the key and the reason; nothing is guessed.
docs/reference/policy.md lists every key.
"""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from authsvc.risk.context import Action
from authsvc.risk.costs import Costs
from authsvc.risk.policy import Outcome, Policy, Requirement, Rule, Weights
from authsvc.risk.policy_reader import PolicyRefused, Reader, Table
from authsvc.risk.rules.check import ExpressionRefused
from authsvc.risk.rules.common_expression_language import compiled
from authsvc.risk.signals.groups import GROUP_NAMED, LEAST_WEIGHT, MOST_WEIGHT

__all__ = ["PolicyRefused", "default_policy", "load_policy", "parse_policy", "policy_text"]

FARTHEST_PRIOR = 20.0  # 1 in 500 million either way; beyond it no evidence counts
LARGEST = 100_000  # characters of a file
MOST_RULES, MOST_REQUIREMENTS = 32, 100
DEAREST = 1e9

_TABLES = {
    "thresholds": {"step_up_at", "deny_at"},
    "costs": {"takeover", "challenge", "denial", "passed"},
    "step_up": {"requires", "passkey_satisfies_step_up", "always_on", "after_reset"},
    "require[]": {"client", "action", "level"},
    "rule[]": {"name", "when", "then", "text", "requires"},
    "weights": {"GROUP", "labels"},
}
_KEYS = {"name", "prior_log_odds", *(table.removesuffix("[]") for table in _TABLES)}
LISTED_KEYS = ("name", "prior_log_odds", *(f"{table}.{key}" for table, keys in _TABLES.items() for key in keys))


def load_policy(path: Path | None) -> Policy:
    """Return the policy in `path`; without one, the default.

    Raises:
        PolicyRefused: see the class.
    """
    if path is None:
        return default_policy()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise PolicyRefused(f"{path}: can't be read: {problem}") from None
    return parse_policy(text, source=str(path))


def default_policy() -> Policy:
    """Return the policy that ships."""
    text = (files("authsvc.risk") / "policies" / "default.toml").read_text(encoding="utf-8")
    return parse_policy(text, source="default.toml")


def parse_policy(text: str, *, source: str) -> Policy:
    """Return the policy in a TOML text; `source` names the file in messages.

    Raises:
        PolicyRefused: it is not TOML, a key is missing or unknown, or a value makes no sense.
    """
    if len(text) > LARGEST:
        raise PolicyRefused(f"{source}: longer than {LARGEST} characters")
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as problem:
        raise PolicyRefused(f"{source}: not TOML: {problem}") from None
    read = Reader(source, text)
    top = read.top(values, _KEYS)
    step_up_at, deny_at, costs = _thresholds(top)
    step_up = top.table("step_up", _TABLES["step_up"])
    return Policy(
        name=top.text("name", 80),
        prior_log_odds=top.number("prior_log_odds", -FARTHEST_PRIOR, FARTHEST_PRIOR),
        step_up_at=step_up_at,
        deny_at=deny_at,
        requires=step_up.level("requires"),
        passkey_satisfies_step_up=step_up.flag("passkey_satisfies_step_up"),
        always_on=step_up.codes("always_on"),
        after_reset="deny" if step_up.one_of("after_reset", ("lowest_level", "deny")) == "deny" else "lowest_level",
        costs=costs,
        requirements=tuple(
            _requirement(each) for each in top.tables("require", MOST_REQUIREMENTS, _TABLES["require[]"])
        ),
        rules=_rules(top),
        weights=_weights(top),
    )


def _thresholds(top: Table) -> tuple[float, float, Costs | None]:
    if "thresholds" in top and "costs" in top:
        top.refuse("costs", "either costs or thresholds, not both")
    if "thresholds" in top:
        given = top.table("thresholds", _TABLES["thresholds"])
        step_up_at, deny_at = given.number("step_up_at", 0.0, 1.0), given.number("deny_at", 0.0, 1.0)
        if not step_up_at < deny_at:
            given.refuse("deny_at", "must lie above thresholds.step_up_at")
        return step_up_at, deny_at, None
    given = top.table("costs", _TABLES["costs"])
    costs = Costs(
        takeover=given.number("takeover", 0.01, DEAREST),
        challenge=given.number("challenge", 0.0, DEAREST),
        denial=given.number("denial", 0.0, DEAREST),
        passed=given.number("passed", 0.0001, 0.99),
    )
    if not costs.challenge < costs.denial:
        given.refuse("denial", "must be dearer than costs.challenge")
    if not costs.step_up_at < costs.deny_at:
        given.refuse("denial", "a step-up would never be the cheapest: dearer denials, or fewer attackers who pass one")
    return costs.step_up_at, costs.deny_at, costs


def _requirement(table: Table) -> Requirement:
    client = table.text("client", 128) if "client" in table else None
    action = Action(table.one_of("action", tuple(Action))) if "action" in table else None
    if client is None and action is None:
        table.refuse("level", "needs a client, an action, or both")
    return Requirement(table.level("level"), client, action)


def _rules(top: Table) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    for table in top.tables("rule", MOST_RULES, _TABLES["rule[]"]):
        name = table.name("name")
        if name in [rule.name for rule in rules]:
            table.refuse("name", f"{name!r} names two rules")
        then = Outcome(table.one_of("then", (Outcome.STEP_UP, Outcome.DENY)))
        requires = table.level("requires") if "requires" in table else None
        if requires is not None and then is Outcome.DENY:
            table.refuse("requires", "a denial requires nothing")
        when = table.text("when", 500)
        try:
            compiled(when)
        except ExpressionRefused as problem:
            table.refuse("when", str(problem), lines=problem.line - 1)
        except Exception as problem:  # the evaluator's own parser; what it raises is its own affair
            table.refuse("when", f"can't be compiled: {str(problem).splitlines()[0]}")
        rules.append(Rule(name, when, then, table.text("text", 200), requires))
    return tuple(rules)


def _weights(top: Table) -> Weights:
    if "weights" not in top:
        return Weights()
    given = top.table("weights", {*GROUP_NAMED, "labels"})
    labels = given.count("labels") if "labels" in given else 0
    groups = {name: given.number(name, LEAST_WEIGHT, MOST_WEIGHT) for name in sorted(GROUP_NAMED) if name in given}
    return Weights(tuple(groups.items()), labels)


def policy_text(policy: Policy) -> str:
    """Return the policy as TOML that parse_policy reads as the same version."""
    lines = [f"name = {_text(policy.name)}", f"prior_log_odds = {policy.prior_log_odds!r}"]
    if policy.costs is None:
        values: Mapping[str, Any] = {"step_up_at": policy.step_up_at, "deny_at": policy.deny_at}
        lines += ["", "[thresholds]", *(f"{key} = {value!r}" for key, value in values.items())]
    else:
        lines += ["", "[costs]", *(f"{key} = {value!r}" for key, value in vars(policy.costs).items())]
    lines += ["", "[step_up]", f"requires = {_text(policy.requires.name.lower())}"]
    lines += [f"passkey_satisfies_step_up = {str(policy.passkey_satisfies_step_up).lower()}"]
    lines += [f"after_reset = {_text(policy.after_reset)}"]
    lines += [f"always_on = [{', '.join(_text(code) for code in sorted(policy.always_on))}]"]
    for each in policy.requirements:
        lines += ["", "[[require]]"]
        lines += [f"client = {_text(each.client)}"] if each.client is not None else []
        lines += [f"action = {_text(each.action)}"] if each.action is not None else []
        lines += [f"level = {_text(each.level.name.lower())}"]
    for rule in policy.rules:
        lines += ["", "[[rule]]", f"name = {_text(rule.name)}", f"when = {_text(rule.when)}"]
        lines += [f"then = {_text(rule.then)}", f"text = {_text(rule.text)}"]
        lines += [f"requires = {_text(rule.requires.name.lower())}"] if rule.requires is not None else []
    if policy.weights.groups or policy.weights.labels:
        lines += ["", "[weights]", f"labels = {policy.weights.labels}"]
        lines += [f"{name} = {weight!r}" for name, weight in policy.weights.groups]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    """Return a TOML basic string. Values that were read hold no control characters but tabs and ends of lines."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
