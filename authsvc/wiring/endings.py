"""What ends when something else does: with time, with a password, with its owner's word that it was somebody else."""

from datetime import datetime

from sqlalchemy import Connection

from authsvc.account_api.store import sweep_requests
from authsvc.accounts.alerts.service import sweep_alerts
from authsvc.accounts.devices.service import sweep_devices
from authsvc.accounts.invited.store import sweep_invited
from authsvc.accounts.sessions.service import sweep_sessions
from authsvc.core.origin import Origin
from authsvc.core.sweeper import Sweep
from authsvc.factors.email_code.store import sweep_codes
from authsvc.factors.face.devices.store import sweep_device_tickets
from authsvc.factors.face.store import sweep_tickets
from authsvc.factors.passkey.store import sweep_challenges
from authsvc.factors.password.store import sweep_failures as sweep_password_failures
from authsvc.factors.totp.store import sweep_enrolments
from authsvc.login.address.store import sweep_changes
from authsvc.login.recovery.store import sweep_recoveries
from authsvc.login.store import end_waiting, sweep_flows
from authsvc.oidc.clients.store import sweep_stored_requests
from authsvc.oidc.token.store import sweep_tokens
from authsvc.risk.history.behaviour.store import sweep_population
from authsvc.risk.history.failures import sweep_failures as sweep_sign_in_failures
from authsvc.risk.history.typing import forget_typing
from authsvc.risk.store import sweep_decisions

# What each room drops when it is over.
SWEEPS: tuple[Sweep, ...] = (
    sweep_invited,
    sweep_requests,
    sweep_flows,
    sweep_tokens,
    sweep_stored_requests,
    sweep_sessions,
    sweep_devices,
    sweep_alerts,
    sweep_codes,
    sweep_challenges,
    sweep_tickets,
    sweep_device_tickets,
    sweep_recoveries,
    sweep_changes,
    sweep_password_failures,
    sweep_enrolments,
    sweep_sign_in_failures,
    sweep_decisions,
    sweep_population,
)


def _forget_typing(connection: Connection, account_id: str, _flow_id: str | None, _now: datetime) -> None:
    forget_typing(connection, account_id)


# What goes with a password that is replaced or removed.
DROPS = (_forget_typing, end_waiting)


def halt_waiting(connection: Connection, account_id: str, _origin: Origin | None, now: datetime) -> None:
    """End the sign-ins that wait for a second proof: what they were asked for was decided before the owner's word."""
    end_waiting(connection, account_id, None, now)
