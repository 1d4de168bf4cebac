"""What the provider needs of a sign-in journey, and how a finished one comes back.

wiring/handovers.py fills `SignInFlows`.

The provider validates an authorization request once and freezes it into the flow; the journey carries it unread and
hands it back when the flow is taken. Only the flow's id travels through the browser.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection

from authsvc.accounts.levels import Level
from authsvc.accounts.sessions.service import Session
from authsvc.accounts.store import Account
from authsvc.core.origin import Origin


@dataclass(frozen=True)
class SignInRequest:
    """What a client asks of a sign-in."""

    client_id: str
    client_name: str
    params: Mapping[str, str]  # the validated, frozen authorization parameters
    required: Level  # the client's minimum and acr_values
    max_age_s: int | None
    # Of "login", "create", "select_account", "consent"; "none" never gets here. "login" is also set when
    # the session's last proof is older than max_age: a fresh proof is demanded.
    prompt: frozenset[str]
    login_hint: str | None
    redirect_origin: str  # origin of the validated redirect URI, for the pages' form-action
    attestation: Mapping[str, Any] | None = None  # what the client asks of passkeys, as it is kept with the flow


@dataclass(frozen=True)
class FinishedSignIn:
    """A flow that was completed, with the session and account that completed it."""

    flow_id: str
    client_id: str
    params: Mapping[str, str]
    required: Level  # with what risk asked beyond the client's demand
    session: Session
    account: Account
    started_at: datetime


@dataclass(frozen=True)
class RefusedSignIn:
    """A flow that ended without a sign-in; `error` is what the client will hear."""

    flow_id: str
    client_id: str
    params: Mapping[str, str]
    error: str  # access_denied | unmet_authentication_requirements


class SignInFlows(Protocol):
    def begin(
        self, request: SignInRequest, *, browser: str, session: Session | None, origin: Origin, ready: bool
    ) -> str:
        """Write a flow and return its id; `ready` when the session satisfies it already (silent sign-on)."""
        ...

    def take(
        self,
        connection: Connection,
        flow_id: str,
        *,
        browser: str,
        session: Session | None,
        origin: Origin,
        now: datetime,
    ) -> FinishedSignIn | RefusedSignIn:
        """Consume a flow in one statement, inside the caller's transaction.

        What it writes through `connection` is committed even when it raises, so evidence belongs there.

        Raises:
            Gone: unknown, expired, or taken before.
            NotAllowed: another browser's, or finished in another session.
            Conflict: not finished yet.
        """
        ...


class Alerts(Protocol):
    def refresh_reuse(
        self, connection: Connection, account_id: str, client_id: str, origin: Origin | None, now: datetime
    ) -> None:
        """Tell the customer that a refresh token of theirs was used twice, in the caller's transaction."""
        ...
