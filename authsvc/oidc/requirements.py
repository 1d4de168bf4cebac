"""Does this session satisfy this request, now? Asked twice: at authorize, and where the code is issued. Pure.

1. somebody is signed in;
2. it is the account that id_token_hint names, if it names one;
3. the proof is fresh: with prompt=login (and max_age=0, the same by OpenID Connect Core, 3.1.2.1) one given since the
   flow was begun; with max_age one no older than that, or given since the flow was begun, because then the customer was
   just asked, however long they took to come back;
4. a session of which a refresh token was used twice has been proven anew since;
5. the proofs hold the required level now: of client, acr_values and risk the highest.

At authorize there is no flow yet, so nothing can have been proven since: `started_at` is None.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from authsvc.accounts.levels import Level, auth_time, level_now
from authsvc.accounts.sessions.service import Session

REDIRECT_LEEWAY = timedelta(seconds=10)  # what was young enough at authorize is not refused for the way to resume


@dataclass(frozen=True)
class Demand:
    """What a request asks of a session."""

    level: Level
    prompt_login: bool = False
    max_age_s: int | None = None
    account_id: str | None = None  # the subject of id_token_hint

    @property
    def fresh(self) -> bool:
        """Whether somebody has to prove themselves now, whatever the session is worth."""
        return self.prompt_login or self.max_age_s == 0


class Unmet(StrEnum):
    """Why a session doesn't do."""

    NOBODY = "nobody"
    OTHER_ACCOUNT = "other_account"
    STALE = "stale"
    FLAGGED = "flagged"
    TOO_LOW = "too_low"


def unmet(
    demand: Demand, session: Session | None, *, now: datetime, raised: timedelta, started_at: datetime | None
) -> Unmet | None:
    """Return the first requirement that the session misses, or None when it satisfies all of them."""
    proven_at = auth_time(session.proofs) if session else None
    if session is None or proven_at is None:
        return Unmet.NOBODY  # 1
    if demand.account_id is not None and session.account_id != demand.account_id:
        return Unmet.OTHER_ACCOUNT  # 2
    if not _is_fresh(demand, proven_at, now, started_at):
        return Unmet.STALE  # 3
    if session.flagged_at is not None and proven_at <= session.flagged_at:
        return Unmet.FLAGGED  # 4
    if level_now(session.proofs, now=now, raised=raised) < demand.level:
        return Unmet.TOO_LOW  # 5
    return None


def needs_fresh_proof(reason: Unmet) -> bool:
    """Return whether the sign-in that follows must ask for a proof, even of somebody who is signed in."""
    return reason in (Unmet.OTHER_ACCOUNT, Unmet.STALE, Unmet.FLAGGED)


def silent_error(reason: Unmet) -> str:
    """Return what prompt=none answers with (OpenID Connect Core, 3.1.2.6)."""
    return "interaction_required" if reason is Unmet.TOO_LOW else "login_required"


def late_error(reason: Unmet) -> str:
    """Return what a finished sign-in answers with when it doesn't satisfy the request after all (RFC 9470, 5)."""
    return "login_required" if reason in (Unmet.NOBODY, Unmet.OTHER_ACCOUNT) else "unmet_authentication_requirements"


def _is_fresh(demand: Demand, proven_at: datetime, now: datetime, started_at: datetime | None) -> bool:
    if started_at is not None and proven_at >= started_at:
        return True
    if demand.fresh:
        return False
    if demand.max_age_s is None:
        return True
    on_the_way = timedelta(0) if started_at is None else REDIRECT_LEEWAY
    return now - proven_at <= timedelta(seconds=demand.max_age_s) + on_the_way
