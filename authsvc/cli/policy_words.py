"""A policy in words, for `authsvc policy show`. Pure."""

from collections.abc import Iterator

from authsvc.risk.policy import Policy
from authsvc.risk.signals.groups import GROUPS


def lines(where: str, policy: Policy) -> Iterator[str]:
    """Yield what the policy says, a line at a time."""
    yield f"{policy.name} ({where}), version {policy.version}"
    yield f"  before anything is looked at: log-odds {policy.prior_log_odds:g}"
    costs = policy.costs
    if costs is not None:
        yield f"  costs: takeover {costs.takeover:g}, challenge {costs.challenge:g}, denial {costs.denial:g}"
        yield f"  share of attackers who pass a step-up: {costs.passed:g}"
    origin = "the cheapest by these costs" if costs is not None else "as the file says"
    yield f"  step up from {policy.step_up_at:.4f}, deny from {policy.deny_at:.4f}: {origin}"
    yield f"  a step-up reaches {policy.requires.name.lower()}"
    for each in policy.requirements:
        at = " at ".join(part for part in (each.action and str(each.action), each.client) if part)
        yield f"  {each.level.name.lower()} is required for {at}"
    yield f"  always: {', '.join(sorted(policy.always_on)) or 'nothing'}"
    for rule in policy.rules:
        asked = f" to {rule.requires.name.lower()}" if rule.requires else ""
        yield f"  rule {rule.name}: {rule.then}{asked} when {' '.join(rule.when.split())}"
    yield f"  weights {policy.weights.source}:"
    for group in GROUPS:
        weight = policy.weights.by_group.get(group.name, 1.0)
        yield f"    {group.name:<11} x {weight:<5g} from {group.least * weight:+.2f} to {group.most * weight:+.2f}"
