"""Which reasons say the same thing twice, and how much each group of them may count for together. Pure.

    group = weight * clamp(sum of its contributions, least, most)

Added up as if they were independent, a new network and a new country would count twice for one journey. So every
reason code belongs to exactly one group, and a group has one bound in each direction. What a bound takes away is taken
from the contributions themselves, the last ones first: the parts shown always add up to the score.

The bounds are judgement and published figures, not calibrated on a deployment's labels; `authsvc evaluate ablation`
shows what each group is worth on simulated sign-ins. The weight is the policy's: 1 until a security team takes over
what its own labels say (risk/feedback), and never nought, so that more evidence against never lowers the risk.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from authsvc.risk.contribution import Contribution

LEAST_WEIGHT, MOST_WEIGHT = 0.5, 2.0
NO_WEIGHTS: Mapping[str, float] = MappingProxyType({})  # each group counts once


@dataclass(frozen=True)
class Group:
    """One cap for what has one cause."""

    name: str
    about: str
    codes: tuple[str, ...]
    least: float
    most: float


GROUPS: tuple[Group, ...] = (
    Group(
        "device",
        "A new device has a new cookie and, often, another browser and system",
        ("device.known", "device.new", "behaviour.device", "behaviour.system", "behaviour.browser"),
        -3.75,
        2.8,
    ),
    Group(
        "copied",
        "Who copies a browser's profile has its cookie and its passkeys",
        ("device.copied", "passkey.counter_went_back"),
        0.0,
        6.0,
    ),
    Group(
        "place",
        "Another country is another provider, another network, often another language and time zone",
        (
            "network.known",
            "network.new",
            "country.new",
            "behaviour.country",
            "behaviour.provider",
            "behaviour.network",
            "behaviour.language",
            "behaviour.zone",
            "behaviour.travel",
        ),
        -2.0,
        3.5,
    ),
    Group("hour", "When one signs in", ("behaviour.hour",), -0.75, 1.0),
    Group("line", "How long the line takes", ("behaviour.round_trip",), -1.5, 2.0),
    Group(
        "typing",
        "Both fields are one hand on one keyboard in one minute",
        ("typing.like_owner", "typing.unlike_owner", "typing.email_like_owner", "typing.email_unlike_owner"),
        -1.5,
        3.0,
    ),
    Group(
        "automation",
        "A program that types is even, fast and repeats itself",
        ("automation.replayed", "automation.zero_variance", "automation.impossible_speed"),
        0.0,
        8.0,
    ),
    Group(
        "guesses",
        "Many guesses at one account come from many sources",
        ("failures.account", "attack.account_sources"),
        0.0,
        3.5,
    ),
    Group(
        "source",
        "Who tries many accounts from one address fails often there",
        ("failures.address_accounts", "failures.address"),
        0.0,
        3.0,
    ),
    Group("incident", "The whole service is under attack", ("attack.incident",), 0.0, 1.5),
    Group("absence", "The account was quiet", ("absence.long",), 0.0, 1.0),
    Group(
        "account",
        "One trouble of an account: a warning, a recovery and a new password",
        ("account.guarded", "account.recovered", "account.password_reset"),
        0.0,
        3.0,
    ),
)

GROUP_NAMED: Mapping[str, Group] = {group.name: group for group in GROUPS}
GROUP_OF: Mapping[str, Group] = {code: group for group in GROUPS for code in group.codes}
_PLACE_OF: Mapping[str, int] = {code: place for place, group in enumerate(GROUPS) for code in group.codes}
_BOUNDS = [(group.least, group.most) for group in GROUPS]


def within_groups(said: Sequence[Contribution], weights: Mapping[str, float] = NO_WEIGHTS) -> tuple[Contribution, ...]:
    """Return the contributions, each group cut to its bounds and then weighed; their order stays."""
    totals = [0.0] * len(GROUPS)
    for each in said:
        totals[_PLACE_OF[each.code]] += each.log_odds
    beyond = [
        value - most if value > most else value - least if value < least else 0.0
        for value, (least, most) in zip(totals, _BOUNDS, strict=True)
    ]
    if not any(beyond) and not weights:
        return tuple(said)
    kept = []
    for each in reversed(said):
        place, part = _PLACE_OF[each.code], each.log_odds
        left = beyond[place]
        if left and part and (left > 0) == (part > 0):  # only the side that is too much is cut
            cut = min(part, left) if part > 0 else max(part, left)
            beyond[place] = left - cut
            part -= cut
        if weights:
            part *= weights.get(GROUPS[place].name, 1.0)
        kept.append(each if part == each.log_odds else Contribution(each.code, part, each.text))
    return tuple(reversed(kept))
