"""What may be said of a decision afterwards, and whose word counts for what. Pure.

An analyst's word replaces a customer's, never the other way round: whoever has taken an account over can press
"this wasn't me", or not press it.
"""

from enum import StrEnum


class Label(StrEnum):
    """The names are stored."""

    SAFE = "safe"  # confirmed: it was the owner
    COMPROMISED = "compromised"  # confirmed: it was not
    DISMISSED = "dismissed"  # looked at, and nothing can be said
    NOT_ME = "not_me"  # the customer disowned it


# An attack or not, for those that say so; what a customer says alone is counted, and is not learned from.
TRUTH = {Label.SAFE: False, Label.COMPROMISED: True}
