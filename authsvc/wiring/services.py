"""Every part of a running authsvc, by name: what app.py makes and what the routes, the command line and tests use."""

from dataclasses import dataclass
from typing import TypedDict

from authsvc.account_api.service import AccountApi
from authsvc.accounts.consents.service import Consents
from authsvc.accounts.events.service import AccountEvents, Webhooks
from authsvc.accounts.locks.service import Locks
from authsvc.accounts.sessions.service import Sessions
from authsvc.accounts.store import exists_with_role
from authsvc.console.service import Console
from authsvc.core.audit.sealer import SealerThread
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.lanes import ProcessLane, ThreadLane
from authsvc.core.limits import Limits
from authsvc.core.mail import MailboxNotifier
from authsvc.core.outbox.service import OutboxWorker
from authsvc.core.sweeper import Sweeper
from authsvc.factors.face.service import FaceService
from authsvc.factors.password.service import Passwords
from authsvc.factors.recovery_code.service import RecoveryCodes
from authsvc.factors.totp.service import Totp
from authsvc.login.account.activity.service import Activity
from authsvc.login.account.face.service import OwnFace
from authsvc.login.account.fresh.service import FreshProof
from authsvc.login.account.passkeys.service import OwnPasskeys
from authsvc.login.account.password.service import OwnPassword
from authsvc.login.account.second.service import OwnSecond
from authsvc.login.account.service import OwnAccount
from authsvc.login.account.sessions.service import OwnSessions
from authsvc.login.address.service import AddressChanges
from authsvc.login.alerts.service import NotMe
from authsvc.login.finish.service import STAFF_ROLE
from authsvc.login.join.service import Join
from authsvc.login.leaving.service import Leaving
from authsvc.login.link.service import EmailedLinks
from authsvc.login.offer.service import Offers
from authsvc.login.recovery.journey.service import RecoveryJourney
from authsvc.login.recovery.service import Recoveries
from authsvc.login.reset.service import Reset
from authsvc.login.service import Flows
from authsvc.login.sign_in.service import SignIn
from authsvc.login.sign_up.service import SignUp
from authsvc.login.signals.service import Signals
from authsvc.login.staff.service import Staff
from authsvc.login.step_up.service import StepUp
from authsvc.login.unlock.service import Unlock
from authsvc.oidc.branding.service import Branding
from authsvc.oidc.clients.service import ClientRegistry
from authsvc.oidc.keys.service import SigningKeys
from authsvc.oidc.provider import Provider
from authsvc.risk.policies.service import Policies
from authsvc.risk.service import RiskService
from authsvc.settings import Settings


class Ground(TypedDict):
    """What nearly every use case stands on."""

    database: Database
    clock: Clock
    limits: Limits
    audit: Audit


@dataclass(frozen=True)
class Services:
    """Every part of a running authsvc."""

    settings: Settings
    clock: Clock
    database: Database
    audit: Audit
    mailbox: MailboxNotifier | None
    outbox_worker: OutboxWorker
    sweeper: Sweeper
    webhook_worker: OutboxWorker
    sealer: SealerThread
    limits: Limits
    password_lane: ThreadLane
    face_lane: ProcessLane
    sessions: Sessions
    consents: Consents
    passwords: Passwords
    face: FaceService
    risk: RiskService
    policies: Policies
    flows: Flows
    sign_in: SignIn
    sign_up: SignUp
    offers: Offers
    signals: Signals
    step_up: StepUp
    reset: Reset
    links: EmailedLinks
    unlock: Unlock
    totp: Totp
    recovery_codes: RecoveryCodes
    recoveries: Recoveries
    recovery: RecoveryJourney
    addresses: AddressChanges
    leaving: Leaving
    locks: Locks
    fresh: FreshProof
    own_account: OwnAccount
    own_face: OwnFace
    own_sessions: OwnSessions
    own_passkeys: OwnPasskeys
    own_password: OwnPassword
    own_second: OwnSecond
    activity: Activity
    not_me: NotMe
    staff: Staff
    clients: ClientRegistry
    account_api: AccountApi
    join: Join
    branding: Branding
    events: AccountEvents
    webhooks: Webhooks
    signing_keys: SigningKeys
    console: Console
    provider: Provider

    def has_staff(self) -> bool:
        """Return whether an analyst is enrolled."""
        with self.database.read() as connection:
            return exists_with_role(connection, STAFF_ROLE)

    def close(self) -> None:
        """Give back what the parts hold: worker processes and connections."""
        self.face_lane.close()
        self.database.dispose()
