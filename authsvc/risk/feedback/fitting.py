"""Weights of groups of signals that explain labels best, near those of the present policy. Pure, deterministic.

With x the groups' log-odds of a labelled decision, y whether it was an attack, c what its label counts for, and w0 the
present weights, the w (within bounds) and the shift b that minimise

    sum c * logloss(y, b + prior + w . x) + RIDGE / 2 * sum (w - w0)^2

a convex problem. Each coordinate in turn takes the step that a bound on the curvature allows (logloss'' <= 1/4), cut to
its bounds, until nothing moves: no step makes it worse, and the same labels give the same weights.

The shift is for labels that are no random sample of sign-ins: analysts look at what looks odd, so attacks are
frequent among labels. As in a case-control study it takes that up, and the weights stay right (Prentice & Pyke, 1979).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

RIDGE = 10.0  # in labels that each say nothing surprising of one unit of log-odds
MOST_ROUNDS = 5000
STILL = 1e-7

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Examples:
    """Labelled decisions: a row each, a column for each group."""

    groups: Floats
    attack: Floats  # 1.0 or 0.0
    counts: Floats
    mistaken: Floats  # the share of such labels that is wrong

    def at(self, rows: NDArray[np.bool_]) -> "Examples":
        return Examples(self.groups[rows], self.attack[rows], self.counts[rows], self.mistaken[rows])

    def doubted(self, probability: Floats) -> "Examples":
        """Return the same, each label counting for as much less as these probabilities of an attack make it a mistake.

        P(right) = (1 - m) p / ((1 - m) p + m (1 - p)), with p what was given to what the label says, m `mistaken`.
        """
        given = np.where(self.attack > 0, probability, 1 - probability)
        right = (1 - self.mistaken) * given
        return replace(self, counts=self.counts * right / (right + self.mistaken * (1 - given)))

    def on_side(self, attack: bool) -> float:
        """Return what the labels of one side count for together."""
        return float(self.counts[self.attack == float(attack)].sum())


@dataclass(frozen=True)
class Fitted:
    weights: Floats
    shift: float


def fit(examples: Examples, prior: float, present: Floats, least: Floats, most: Floats, reach: float) -> Fitted:
    """Return the best weights within [least, most]; a weight whose bounds meet stays. Args: reach bounds the shift."""
    columns = np.column_stack([examples.groups, np.ones(len(examples.attack))])
    value, start = np.append(present, 0.0), np.append(present, 0.0)
    low, high = np.append(least, -reach), np.append(most, reach)
    ridge = np.append(np.full(len(present), RIDGE), 0.0)
    curvature = (examples.counts @ columns**2) / 4 + ridge + 1e-12
    score = columns @ value + prior
    for _ in range(MOST_ROUNDS):
        moved = 0.0
        for place in range(len(value)):
            slope = float((examples.counts * (sigmoid(score) - examples.attack)) @ columns[:, place])
            slope += ridge[place] * (value[place] - start[place])
            new = float(np.clip(value[place] - slope / curvature[place], low[place], high[place]))
            step, value[place] = new - value[place], new
            if step:
                score = score + step * columns[:, place]
            moved = max(moved, abs(step))
        if moved < STILL:
            break
    return Fitted(value[:-1], float(value[-1]))


def probabilities(examples: Examples, prior: float, fitted: Fitted) -> Floats:
    """Return the probability of an attack by these weights."""
    return sigmoid(examples.groups @ fitted.weights + prior + fitted.shift)


def log_loss(examples: Examples, probability: Floats) -> float:
    """Return the mean of -ln of what was given to what came true, by what each label counts for."""
    right = np.where(examples.attack > 0, probability, 1 - probability)
    return float(np.average(-np.log(np.maximum(right, 1e-15)), weights=examples.counts))


def brier(examples: Examples, probability: Floats) -> float:
    """Return the mean squared distance from what came true (Brier, 1950)."""
    return float(np.average((probability - examples.attack) ** 2, weights=examples.counts))


def sigmoid(log_odds: Floats | np.float64) -> Floats:
    """Return the probability of these log-odds; nothing overflows."""
    odds = np.exp(-np.abs(log_odds))
    return np.where(log_odds >= 0, 1 / (1 + odds), odds / (1 + odds))
