"""What may be said of a decision afterwards, and whose word counts for how much. Pure.

An analyst's word replaces a customer's, never the other way round: whoever has taken an account over can press "this
wasn't me", or not press it. A label that says something counts, on the side that it speaks for (attack or owner),

1. an analyst's 1, a customer's CUSTOMER; all that one account says together no more than one customer's word;
2. one analyst's all together at most as much as all other analysts', or as ALONE labels where that is more;
3. all customers' together at most half of what the analysts' count for.

So customers alone teach nothing, however many they are, and one analyst at most half. And nobody is always right: a
share of labels is taken to be mistaken, so that one against all evidence counts for little (fitting.py).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

CUSTOMER = 0.25
ALONE = 30.0
CUSTOMERS_TO_ANALYSTS = 0.5
CUSTOMER_MISTAKEN, ANALYST_MISTAKEN = 0.1, 0.02  # judgement


class Label(StrEnum):
    """The names are stored."""

    SAFE = "safe"  # confirmed: it was the owner
    COMPROMISED = "compromised"  # confirmed: it was not
    DISMISSED = "dismissed"  # looked at, and nothing can be said
    NOT_ME = "not_me"  # the customer disowned it


BY_ANALYSTS = (Label.SAFE, Label.COMPROMISED, Label.DISMISSED)
# An attack or not, for those that say so.
TRUTH = {Label.SAFE: False, Label.COMPROMISED: True, Label.NOT_ME: True}


@dataclass(frozen=True)
class Labelled:
    """A decision and what became of it."""

    decision_id: str
    at: datetime
    groups: Mapping[str, float]  # log-odds by group of signals, by this code, at weight 1
    probability: float  # as it was decided
    label: Label
    labelled_by: str  # the analyst's account, or the customer's own
    labelled_at: datetime
    account_id: str | None = None

    @property
    def attack(self) -> bool | None:
        return TRUTH.get(self.label)

    @property
    def mistaken(self) -> float:
        """How probable it is that such a label is wrong, before anything is looked at."""
        return CUSTOMER_MISTAKEN if self.by_customer else ANALYST_MISTAKEN

    @property
    def by_customer(self) -> bool:
        return self.label is Label.NOT_ME


def counts_for(labelled: Sequence[Labelled]) -> list[float]:
    """Return what each label counts for, in their order; 0.0 for those that say nothing."""
    counted = [0.0 if each.attack is None else CUSTOMER if each.by_customer else 1.0 for each in labelled]
    for attack in (True, False):
        side = [place for place, each in enumerate(labelled) if each.attack is attack]
        customers = [place for place in side if labelled[place].by_customer]
        analysts = [place for place in side if not labelled[place].by_customer]
        words = Counter(labelled[place].labelled_by for place in side)
        for place in customers:  # 1
            counted[place] = CUSTOMER / words[labelled[place].labelled_by]
        said = Counter(labelled[place].labelled_by for place in analysts)
        for place in analysts:  # 2
            own = said[labelled[place].labelled_by]
            counted[place] = min(1.0, max(ALONE, said.total() - own) / own)
        most = CUSTOMERS_TO_ANALYSTS * sum(counted[place] for place in analysts)
        all_customers = sum(counted[place] for place in customers)
        for place in customers:  # 3
            counted[place] *= min(1.0, most / all_customers)
    return counted
