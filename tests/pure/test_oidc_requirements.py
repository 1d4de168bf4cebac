"""Which sessions satisfy which requests."""

from datetime import timedelta

import pytest

from authsvc.accounts.levels import Level, ProofKind
from authsvc.accounts.sessions.service import Session
from authsvc.oidc.requirements import Demand, Unmet, late_error, needs_fresh_proof, silent_error, unmet
from tests.support.clocks import START

RAISED = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)


def session(
    *, password_age: timedelta = MINUTE, passkey_age: timedelta | None = None, flagged: bool = False
) -> Session:
    proofs = {ProofKind.PASSWORD: START - password_age}
    if passkey_age is not None:
        proofs[ProofKind.PASSKEY] = START - passkey_age
    flagged_at = START - timedelta(seconds=30) if flagged else None
    return Session(
        "ses_1", "acc_1", None, "customer", START, START, START + timedelta(days=1), None, flagged_at, proofs
    )


PWD = Demand(Level.PWD)


@pytest.mark.parametrize(
    ("demand", "who", "started_ago", "expected"),
    [
        (PWD, None, None, Unmet.NOBODY),
        (PWD, session(), None, None),
        (Demand(Level.PWD, account_id="acc_1"), session(), None, None),
        (Demand(Level.PWD, account_id="acc_2"), session(), None, Unmet.OTHER_ACCOUNT),
        (Demand(Level.PWD, prompt_login=True), session(), None, Unmet.STALE),
        (Demand(Level.PWD, prompt_login=True), session(), 30, Unmet.STALE),
        (Demand(Level.PWD, prompt_login=True), session(), 60, None),
        (Demand(Level.PWD, prompt_login=True), session(), 61, None),
        (Demand(Level.PWD, max_age_s=0), session(password_age=timedelta(0)), None, Unmet.STALE),
        (Demand(Level.PWD, max_age_s=0), session(), 30, Unmet.STALE),
        (Demand(Level.PWD, max_age_s=0), session(), 90, None),
        (Demand(Level.PWD, max_age_s=60), session(), None, None),
        (Demand(Level.PWD, max_age_s=59), session(), None, Unmet.STALE),
        (Demand(Level.PWD, max_age_s=59), session(), 5, None),  # it was young enough five seconds ago
        (Demand(Level.PWD, max_age_s=40), session(), 5, Unmet.STALE),
        (Demand(Level.PWD, max_age_s=40), session(), 60, None),  # proven in this very flow
        (PWD, session(flagged=True), None, Unmet.FLAGGED),
        (PWD, session(flagged=True, password_age=timedelta(seconds=10)), None, None),
        (Demand(Level.PHR), session(), None, Unmet.TOO_LOW),
        (Demand(Level.PHR), session(passkey_age=MINUTE), None, None),
        (Demand(Level.PHR), session(passkey_age=timedelta(minutes=15)), None, Unmet.TOO_LOW),
        (Demand(Level.MFA), session(passkey_age=MINUTE), None, None),
    ],
)
def test_unmet(demand: Demand, who: Session | None, started_ago: int | None, expected: Unmet | None) -> None:
    started_at = None if started_ago is None else START - timedelta(seconds=started_ago)
    assert unmet(demand, who, now=START, raised=RAISED, started_at=started_at) is expected


def test_every_reason_has_its_errors() -> None:
    assert {reason: (silent_error(reason), late_error(reason), needs_fresh_proof(reason)) for reason in Unmet} == {
        Unmet.NOBODY: ("login_required", "login_required", False),
        Unmet.OTHER_ACCOUNT: ("login_required", "login_required", True),
        Unmet.STALE: ("login_required", "unmet_authentication_requirements", True),
        Unmet.FLAGGED: ("login_required", "unmet_authentication_requirements", True),
        Unmet.TOO_LOW: ("interaction_required", "unmet_authentication_requirements", False),
    }
