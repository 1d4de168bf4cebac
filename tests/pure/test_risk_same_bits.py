"""What the signals say of two thousand contexts, to the last bit: it changes only together with MODEL_VERSION.

Stored decisions are decided again and must come out equal. A quicker way to add up is another sum where it takes other
steps, and no test with a tolerance sees that.
"""

import hashlib
from random import Random

from authsvc.accounts.levels import Level
from authsvc.risk.context import (
    AccountState,
    BehaviourFacts,
    DeviceSeen,
    FailureCounts,
    PasskeyFacts,
    RiskContext,
    Seen,
    Trigger,
    TypingFacts,
    TypingState,
)
from authsvc.risk.keystroke.automation import FINDINGS
from authsvc.risk.signals import MODEL_VERSION, score
from authsvc.risk.signals.behaviour import TEXTS
from authsvc.risk.signals.groups import GROUPS

SAID = {"initial-6": "e5628f458330d93aa9f90bf3acbe60130fcee7a319732a2745673d081aecb847"}


def typing(drawn: Random) -> TypingFacts:
    found = tuple(code for code in FINDINGS if drawn.random() < 0.1)
    return TypingFacts(drawn.choice((*TypingState, TypingState.SCORED)), drawn.uniform(-5, 5), found)


def context(drawn: Random) -> RiskContext:
    return RiskContext(
        drawn.choice((Trigger.PASSWORD, Trigger.PASSWORD, Trigger.PASSKEY)),
        Level.PWD,
        device=DeviceSeen(drawn.random() < 0.7, drawn.uniform(0, 3e5), drawn.random() < 0.1),
        network=drawn.choice((*Seen,)),
        country=drawn.choice((*Seen,)),
        failures=FailureCounts(*(drawn.randrange(most) for most in (120, 40, 60, 25, 4))),
        since_last_sign_in_s=drawn.uniform(0, 6e7),
        sign_ins=drawn.choice((0, 1, 4, 5, 200)),
        typing=typing(drawn),
        email_typing=typing(drawn),
        account=AccountState(*(drawn.random() < 0.2 for _ in range(3))),
        passkey=PasskeyFacts(drawn.random() < 0.3),
        behaviour=BehaviourFacts(tuple((part, drawn.uniform(-9, 9)) for part in sorted(TEXTS) if drawn.random() < 0.7)),
    )


def test_no_bit_of_a_score_changes_within_a_version() -> None:
    drawn, said = Random(20), hashlib.sha256()
    for number in range(2000):
        weights = {group.name: drawn.uniform(0.5, 2) for group in GROUPS} if number % 4 == 0 else {}
        for each in score(context(drawn), weights):
            said.update(f"{each.code} {each.log_odds.hex()}\n".encode())
    assert said.hexdigest() == SAID[MODEL_VERSION]
