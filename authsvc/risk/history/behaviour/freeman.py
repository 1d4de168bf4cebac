"""The baseline that others are compared with: Freeman et al. (NDSS 2016), for evaluations only. Pure.

    risk = (1 / users) / (n_user / n) * product over features of p(x) / p(x | user)              (equation 7)

without attack data. Features are the network and the user agent, each smoothed over its hierarchy by a weighted sum of
what its levels say: network, provider, country; browser with version, system with version, kind of device. The weights,
and that a value of which the user has none at any level gets a quarter of the population's likelihood, are those of
Wiefling et al. (ACM TOPS 2022), whose implementation is public (github.com/das-group/rba-algorithm, MIT); Freeman et
al. published none. Theirs uses whole addresses; here it is the /24, as ours, so that both are given the same.

Unseen values of the population are smoothed as there: one for the feature and one for each value of the levels above.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import log

NETWORK = (0.6, 0.3, 0.1)  # network, provider, country
AGENT = (0.5386653840551359, 0.2680451498625666, 0.18818295100109536, 0.0051065150812021525)
UNSEEN_BY_USER = 4.0

Levels = Sequence[str]  # from the finest to the coarsest


@dataclass
class Counts:
    """Sign-ins of one user, or of all: each level's values, and which finer values are under one."""

    number: int = 0
    levels: dict[tuple[str, int], Counter[str]] = field(default_factory=dict)

    def add(self, features: Mapping[str, Levels]) -> None:
        self.number += 1
        for name, values in features.items():
            for place, value in enumerate(values):
                self.levels.setdefault((name, place), Counter())[value] += 1

    def seen(self, name: str, place: int, value: str) -> int:
        return self.levels.get((name, place), Counter())[value]

    def distinct(self, name: str, place: int) -> int:
        return len(self.levels.get((name, place), ()))


@dataclass
class Freeman:
    """Everybody's history so far."""

    weights: Mapping[str, Sequence[float]] = field(default_factory=lambda: {"network": NETWORK, "agent": AGENT})
    everybody: Counts = field(default_factory=Counts)
    users: dict[str, Counts] = field(default_factory=dict)

    def add(self, user: str, features: Mapping[str, Levels]) -> None:
        """Take a sign-in of the owner into the history."""
        self.everybody.add(features)
        self.users.setdefault(user, Counts()).add(features)

    def score(self, user: str, features: Mapping[str, Levels]) -> float:
        """Return the logarithm of the risk; the user has signed in before."""
        own = self.users[user]
        score = log(self.everybody.number) - log(len(self.users)) - log(own.number)
        for name, values in features.items():
            anybody = self._population(name, values)
            owner = sum(
                weight * own.seen(name, place, value) / own.number
                for place, (weight, value) in enumerate(zip(self.weights[name], values, strict=True))
            )
            score += log(anybody) - log(owner or anybody / UNSEEN_BY_USER)
        return score

    def _population(self, name: str, values: Levels) -> float:
        total, all_of_them = 0.0, self.everybody.number
        for place, (weight, value) in enumerate(zip(self.weights[name], values, strict=True)):
            seen = self.everybody.seen(name, place, value)
            if place == 0:  # the finest level is smoothed, the others are not
                unseen = 1 + sum(self.everybody.distinct(name, above) for above in range(1, len(values)))
                share = seen / (all_of_them + unseen) if seen else 1 / (all_of_them + unseen)
            else:
                share = seen / all_of_them
            total += weight * share
        return total
