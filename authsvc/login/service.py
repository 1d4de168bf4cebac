"""The life of a flow: begun by whoever needs a sign-in, bound to one browser, taken once.

    begin ─▶ /login?flow=… ─▶ (sign_in | sign_up | step_up) ─▶ ready ─▶ take

The row holds a hash of the browser's secret. Each step checks it; another browser gets a plain page and leaves an
event. What the flow was begun for is frozen in the row, so a step can carry nothing but the flow's id.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from authsvc.accounts.levels import Level
from authsvc.accounts.sessions.service import Session
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import Conflict, Gone, NotAllowed
from authsvc.core.ids import hash_secret, new_id
from authsvc.core.limits import Limits
from authsvc.core.mail import Letterhead
from authsvc.core.origin import Origin
from authsvc.login.branding import NO_BRANDS, Brand, Brands
from authsvc.login.steps import RECOVERY_KIND
from authsvc.login.store import Flow, find_flow, insert_flow, move_flow
from authsvc.login.transitions import Event, State

FLOW_TTL = timedelta(minutes=30)


@dataclass(frozen=True)
class FlowPurpose:
    """What a sign-in is for."""

    kind: str  # client | console | account | face
    client_name: str
    required: Level
    client_id: str | None = None
    params: Mapping[str, str] | None = None
    prompt: frozenset[str] = frozenset()
    redirect_origin: str = ""
    login_hint: str | None = None
    grant_role: str | None = None
    name_hint: str | None = None  # filled in at sign-up
    attestation: Mapping[str, Any] | None = None  # factors/passkey/attestation.py, as a row keeps it


@dataclass(frozen=True)
class Taken:
    """A flow that was taken: finished, or refused with an OAuth error code."""

    flow: Flow
    refusal: str | None


@dataclass(frozen=True)
class Flows:
    """Begins, opens, cancels and hands over flows."""

    database: Database
    audit: Audit
    clock: Clock
    limits: Limits
    brands: Brands = NO_BRANDS

    def brand_of(self, flow: Flow) -> Brand | None:
        """Return the look of the client that began the flow."""
        return self.brands.of(flow.client_id)

    def letterhead_of(self, connection: Connection, flow: Flow) -> Letterhead | None:
        """Return in whose name the flow's mails are written; None is the service's own."""
        brand = self.brands.of(flow.client_id, connection)
        return brand.letterhead if brand else None

    def begin(
        self,
        purpose: FlowPurpose,
        *,
        browser: str,
        session: Session | None = None,
        origin: Origin,
        ready: bool = False,
        confirms: State | None = None,
    ) -> Flow:
        """Write a new flow.

        Args:
            ready: the session at hand satisfies it already (silent sign-on).
            confirms: the session's own account proves itself once more, and this is the state it begins in.
        """
        now = self.clock.now()
        flow = Flow(
            id=new_id("flow"),
            browser_hash=hash_secret(browser),
            kind=purpose.kind,
            state=State.READY if ready else confirms or _first_state(purpose),
            client_id=purpose.client_id,
            client_name=purpose.client_name,
            redirect_origin=purpose.redirect_origin,
            params=purpose.params or {},
            required_level=purpose.required,
            risk_level=Level.NONE,
            prompt=purpose.prompt,
            created_at=now,
            expires_at=now + FLOW_TTL,
            grant_role=purpose.grant_role,
            attestation=purpose.attestation,
            email=purpose.login_hint,
            display_name=purpose.name_hint,
            account_id=session.account_id if session and (ready or confirms) else None,
            session_id=session.id if session else None,
        )
        with self.database.write() as connection:
            insert_flow(connection, flow)
            self.audit.record(
                connection,
                "login:flow:begun",
                now=now,
                account_id=flow.account_id,
                origin=origin,
                facts={"flow": flow.id, "kind": flow.kind, "client": flow.client_id, "silent": ready},
            )
        return flow

    def open(self, flow_id: str, *, browser: str, origin: Origin) -> Flow:
        """Return a flow to the browser it belongs to.

        Raises:
            Gone: `flow.expired`: unknown, expired or finished.
            NotAllowed: `flow.foreign_browser`: it was begun in another browser; the event is kept.
            TooMany: somebody opens foreign flows again and again; events are kept for ever.
        """
        now = self.clock.now()
        with self.database.read() as connection:
            flow = find_flow(connection, flow_id)
        if flow is None or flow.expires_at <= now or flow.state is State.SPENT:
            raise expired()
        if not belongs_to(flow, browser):
            self.limits.spend("flow_per_address", origin.source)
            with self.database.write() as connection:
                self._foreign(connection, flow, "browser", origin, now)
            raise NotAllowed("flow.foreign_browser", "This sign-in was begun in another browser.")
        return flow

    def move(self, connection: Connection, flow: Flow, event: Event, *, now: datetime, **changes: object) -> Flow:
        """Take one step, inside the caller's transaction.

        Raises:
            Conflict: `flow.out_of_step`: the flow is elsewhere by now (two tabs, a double click, a replay).
        """
        moved = move_flow(connection, flow, event, now=now, **changes)
        if moved is None:
            raise out_of_step()
        return moved

    def cancel(self, flow: Flow, *, unmet: bool, origin: Origin) -> Flow:
        """The customer turned back. Args: unmet says that nothing the account has could have led on."""
        now = self.clock.now()
        refusal = "unmet_authentication_requirements" if unmet else "access_denied"
        with self.database.write() as connection:
            cancelled = self.move(connection, flow, Event.CANCELLED, now=now, refusal=refusal)
            self.audit.record(
                connection,
                "login:flow:cancelled",
                now=now,
                account_id=flow.account_id,
                origin=origin,
                facts={"flow": flow.id, "state": flow.state.value, "refusal": refusal},
            )
        return cancelled

    def back(self, flow: Flow) -> Flow:
        """One page back; proofs of another account are forgotten."""
        now = self.clock.now()
        changes: dict[str, object] = {}
        if flow.state is State.STEP_UP:
            changes = {
                "account_id": None,
                "decision_id": None,
                "proofs": {},
                "risk_level": Level.NONE,
                "typing_sealed": None,
            }
        with self.database.write() as connection:
            return self.move(connection, flow, Event.BACK, now=now, **changes)

    def take(
        self,
        connection: Connection,
        flow_id: str,
        *,
        browser: str,
        session: Session | None,
        origin: Origin,
        now: datetime,
    ) -> Taken:
        """Spend a finished flow in one statement, inside the caller's transaction.

        1. the browser is the one that began it; 2. the flow is finished, not before; 3. session and account are those
        that finished it; 4. of two requests at once one takes it.
        Evidence of a refusal is written through `connection`: commit it even when this raises.

        Raises:
            Gone: `flow.expired`: unknown, expired, or taken before.
            NotAllowed: `flow.foreign_browser`, `flow.foreign_session`.
            Conflict: `flow.out_of_step`: not finished yet.
        """
        flow = find_flow(connection, flow_id)
        if flow is None or flow.expires_at <= now or flow.state is State.SPENT:
            raise expired()
        if not belongs_to(flow, browser):  # 1
            self._foreign(connection, flow, "browser", origin, now)
            raise NotAllowed("flow.foreign_browser", "This sign-in was begun in another browser.")
        if flow.state not in (State.READY, State.REFUSED):  # 2
            raise out_of_step()
        mine = session is not None and session.id == flow.session_id and session.account_id == flow.account_id
        if flow.state is State.READY and not mine:  # 3
            self._foreign(connection, flow, "session", origin, now)
            raise NotAllowed("flow.foreign_session", "This sign-in was finished in another session.")
        spent = move_flow(connection, flow, Event.RESUMED, now=now)
        if spent is None:  # 4
            raise expired()
        return Taken(spent, (flow.refusal or "access_denied") if flow.state is State.REFUSED else None)

    def _foreign(self, connection: Connection, flow: Flow, what: str, origin: Origin, now: datetime) -> None:
        self.audit.record(
            connection,
            "login:flow:foreign",
            now=now,
            account_id=flow.account_id,
            origin=origin,
            facts={"flow": flow.id, "state": flow.state.value, "foreign": what},
        )


def _first_state(purpose: FlowPurpose) -> State:
    """A recovery is no sign-in: no password and no passkey can be shown in its flow."""
    return State.RECOVERY_ADDRESS if purpose.kind == RECOVERY_KIND else State.IDENTIFY


def belongs_to(flow: Flow, browser: str) -> bool:
    """Return whether the flow was begun by the browser with this secret."""
    return hmac.compare_digest(flow.browser_hash, hash_secret(browser))


def may_reset(flow: Flow) -> bool:
    """Return whether a password can be reset from this flow's pages: not staff's, nor by somebody who is signed in."""
    ours = flow.kind != "console" and flow.grant_role is None and flow.account_id is None
    return ours and flow.state in (State.IDENTIFY, State.MUST_CHANGE, State.RESET_CODE)


def expired() -> Gone:
    """Return what is raised for a flow that nobody can use any more, or never could."""
    return Gone("flow.expired", "This sign-in has expired or is finished. Please start again where you came from.")


def out_of_step() -> Conflict:
    """Return what is raised for a step that is not the flow's next one: a double click, an old tab, or a try."""
    return Conflict("flow.out_of_step", "This page is not the current step of your sign-in any more.")
