"""What one room needs of another that it may not know: a small Protocol there, filled here."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from authsvc.accounts.alerts.service import AlertKind, Alerts
from authsvc.accounts.sessions.service import Session
from authsvc.accounts.store import get_account
from authsvc.core.origin import Origin
from authsvc.login.branding import Brand
from authsvc.login.service import FlowPurpose, Flows
from authsvc.oidc.branding.service import Branding
from authsvc.oidc.flows import FinishedSignIn, RefusedSignIn, SignInRequest


@dataclass(frozen=True)
class SignIns:
    """Fills oidc's SignInFlows with login's flows."""

    flows: Flows

    def begin(
        self, request: SignInRequest, *, browser: str, session: Session | None, origin: Origin, ready: bool
    ) -> str:
        purpose = FlowPurpose(
            kind="client",
            client_name=request.client_name,
            required=request.required,
            client_id=request.client_id,
            params=request.params,
            prompt=request.prompt,
            redirect_origin=request.redirect_origin,
            login_hint=request.login_hint,
            attestation=request.attestation,
        )
        return self.flows.begin(purpose, browser=browser, session=session, origin=origin, ready=ready).id

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
        taken = self.flows.take(connection, flow_id, browser=browser, session=session, origin=origin, now=now)
        flow = taken.flow
        client_id = flow.client_id or ""
        if taken.refusal is not None:
            return RefusedSignIn(flow.id, client_id, flow.params, taken.refusal)
        assert session is not None  # take() made sure
        account = get_account(connection, session.account_id)
        return FinishedSignIn(
            flow.id, client_id, flow.params, flow.required, session, account, started_at=flow.created_at
        )


@dataclass(frozen=True)
class ClientBrands:
    """Fills login's Brands with the clients' own."""

    branding: Branding

    def of(self, client_id: str | None, connection: Connection | None = None) -> Brand | None:
        look = self.branding.of(client_id, connection)
        if look is None:
            return None
        return Brand(look.letterhead, look.style, look.logo, look.logo_width, look.logo_height)


@dataclass(frozen=True)
class ReuseAlerts:
    """Fills oidc's Alerts."""

    alerts: Alerts
    branding: Branding

    def refresh_reuse(
        self, connection: Connection, account_id: str, client_id: str, origin: Origin | None, now: datetime
    ) -> None:
        look = self.branding.of(client_id, connection)
        head = look.letterhead if look else None
        self.alerts.send(connection, account_id, AlertKind.REFRESH_REUSED, origin=origin, now=now, letterhead=head)
