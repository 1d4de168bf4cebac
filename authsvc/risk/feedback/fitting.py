"""Weights of groups of signals that explain labels best, near those of the present policy. Pure, deterministic.

With x the groups' log-odds of a labelled decision, y whether it was an attack, c what its label counts for, and w0 the
present weights, the w (within bounds) and the shift b that minimise

    sum c * logloss(y, b + prior + w . x) + RIDGE / 2 * sum (w - w0)^2

a convex problem, solved by Newton's method: each step is the least point of the quadratic within the bounds, found
coordinate by coordinate, and is halved until it makes things better. The same labels give the same weights.

The shift is for labels that are no random sample of sign-ins: analysts look at what looks odd, so attacks are
frequent among labels. As in a case-control study it takes that up, and the weights stay right (Prentice & Pyke, 1979).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

RIDGE = 10.0  # in labels that each say nothing surprising of one unit of log-odds
MOST_ROUNDS, MOST_SWEEPS, MOST_HALVINGS = 100, 500, 40
STILL = 1e-9

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

    def loss(at: Floats) -> float:
        score = columns @ at + prior
        surprise = np.logaddexp(0, np.where(examples.attack > 0, -score, score))
        return float(examples.counts @ surprise + ridge @ (at - start) ** 2 / 2)

    for _ in range(MOST_ROUNDS):
        said = sigmoid(columns @ value + prior)
        slope = columns.T @ (examples.counts * (said - examples.attack)) + ridge * (value - start)
        bend = (columns.T * (examples.counts * said * (1 - said))) @ columns + np.diag(ridge + 1e-9)
        step, before = _least(bend, slope, low - value, high - value), loss(value)
        for _ in range(MOST_HALVINGS):
            if loss(value + step) <= before:
                break
            step = step / 2
        else:
            break
        value = value + step
        if np.abs(step).max() < STILL:
            break
    return Fitted(value[:-1], float(value[-1]))


def _least(bend: Floats, slope: Floats, low: Floats, high: Floats) -> Floats:
    """Return the least point of slope . x + x . bend . x / 2 within [low, high]."""
    found = np.zeros(len(slope))
    for _ in range(MOST_SWEEPS):
        moved = 0.0
        for place in range(len(found)):
            if low[place] == high[place]:
                continue
            wanted = found[place] - (slope[place] + bend[place] @ found) / bend[place, place]
            new = min(max(wanted, low[place]), high[place])
            moved, found[place] = max(moved, abs(new - found[place])), new
        if moved < STILL:
            break
    return found


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
