"""From what mistakes cost to the thresholds at which each decision is the cheapest. Pure.

With p the probability of an attack, the expected cost (Elkan, "The foundations of cost-sensitive learning", 2001) of

    allow    p * takeover
    step up  p * passed * takeover + (1 - p) * challenge       passed: share of attackers who answer it all the same
    deny     (1 - p) * denial

so that, in odds p / (1 - p),

    step up is cheaper than allow from    challenge / ((1 - passed) * takeover)
    deny is cheaper than step up from     (denial - challenge) / (passed * takeover)

Only the ratios matter; any unit of money will do.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Costs:
    """Of one sign-in each."""

    takeover: float
    challenge: float  # to an owner who is asked: time, and those who give up
    denial: float  # to an owner who is sent away
    passed: float  # share of attackers who pass a step-up

    @property
    def step_up_at(self) -> float:
        """Probability from which a step-up is cheaper than letting in."""
        return _probability(self.challenge / ((1 - self.passed) * self.takeover))

    @property
    def deny_at(self) -> float:
        """Probability from which a denial is cheaper than a step-up."""
        return _probability((self.denial - self.challenge) / (self.passed * self.takeover))


def _probability(odds: float) -> float:
    return odds / (1 + odds)
