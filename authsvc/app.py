"""Where the parts are wired together, and nowhere else.

`build_services` makes every part from the settings; `build_app` puts HTTP around them. Journeys don't know one another:
what one needs of another is a small Protocol, filled here.
"""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI
from sqlalchemy import Connection

from authsvc.account_api import routes as account_api_routes
from authsvc.account_api.service import AccountApi
from authsvc.account_api.store import sweep_requests
from authsvc.accounts.alerts.service import AlertKind, Alerts, sweep_alerts
from authsvc.accounts.consents.service import Consents, Purpose
from authsvc.accounts.devices.service import Devices, sweep_devices
from authsvc.accounts.events.http_client_sender import HttpClientSender
from authsvc.accounts.events.service import TOPIC as WEBHOOK_TOPIC
from authsvc.accounts.events.service import AccountEvents, Delivery, Webhooks
from authsvc.accounts.invited.store import sweep_invited
from authsvc.accounts.locks.service import Locks
from authsvc.accounts.sessions.service import Session, Sessions, sweep_sessions
from authsvc.accounts.store import exists_with_role, get_account
from authsvc.console import routes as console_routes
from authsvc.console.cases import routes as case_routes
from authsvc.console.cases.service import Cases
from authsvc.console.incidents import routes as incident_routes
from authsvc.console.incidents.service import Incidents
from authsvc.console.labels import routes as label_routes
from authsvc.console.labels.service import Labels
from authsvc.console.policy import routes as policy_routes
from authsvc.console.policy.service import PolicyDesk
from authsvc.console.service import Console
from authsvc.core.audit.sealer import Sealer, SealerThread
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock, SystemClock
from authsvc.core.database import Database
from authsvc.core.lanes import ProcessLane, ThreadLane
from authsvc.core.limits import Limits
from authsvc.core.mail import MailboxNotifier, Notifier, SmtpNotifier
from authsvc.core.origin import Origin
from authsvc.core.outbox.service import Outbox, OutboxWorker, mail_handler
from authsvc.core.sealing.service import Vault
from authsvc.core.sweeper import Sweep, Sweeper
from authsvc.factors.email_code.service import EmailCodes
from authsvc.factors.email_code.store import sweep_codes
from authsvc.factors.face import routes as face_routes
from authsvc.factors.face.captures.service import Captures
from authsvc.factors.face.devices.service import DeviceKeys
from authsvc.factors.face.devices.store import sweep_device_tickets
from authsvc.factors.face.embedder.choice import choice_of, embedder_id
from authsvc.factors.face.matching.service import Matching
from authsvc.factors.face.pipeline.measure import begin_worker
from authsvc.factors.face.service import FaceService
from authsvc.factors.face.store import delete_face_data, sweep_tickets
from authsvc.factors.face.templates.service import Templates
from authsvc.factors.factor import Factor
from authsvc.factors.passkey import routes as passkey_routes
from authsvc.factors.passkey.authenticator_names import load_names
from authsvc.factors.passkey.ceremony import RelyingParty
from authsvc.factors.passkey.metadata_file import open_metadata
from authsvc.factors.passkey.service import Passkeys
from authsvc.factors.passkey.store import sweep_challenges
from authsvc.factors.password.argon2_hasher import Hasher
from authsvc.factors.password.hibp_file import open_hibp
from authsvc.factors.password.legacy.service import StoredTariff
from authsvc.factors.password.service import Passwords
from authsvc.factors.password.store import sweep_failures as sweep_password_failures
from authsvc.factors.recovery_code.service import RecoveryCodes
from authsvc.factors.totp.service import Totp
from authsvc.factors.totp.store import sweep_enrolments
from authsvc.login import routes as login_routes
from authsvc.login.account import routes as account_routes
from authsvc.login.account.activity import routes as activity_routes
from authsvc.login.account.activity.service import Activity
from authsvc.login.account.face import routes as own_face_routes
from authsvc.login.account.face.service import OwnFace
from authsvc.login.account.fresh.service import FreshProof
from authsvc.login.account.passkeys import routes as own_passkey_routes
from authsvc.login.account.passkeys.service import OwnPasskeys
from authsvc.login.account.password import routes as own_password_routes
from authsvc.login.account.password.service import OwnPassword
from authsvc.login.account.routes import AccountPages
from authsvc.login.account.second import routes as own_second_routes
from authsvc.login.account.second.service import OwnSecond
from authsvc.login.account.service import OwnAccount
from authsvc.login.account.sessions import routes as own_session_routes
from authsvc.login.account.sessions.service import OwnSessions
from authsvc.login.address import routes as address_routes
from authsvc.login.address.service import AddressChanges, StopChanges
from authsvc.login.address.store import sweep_changes
from authsvc.login.alerts import routes as alert_routes
from authsvc.login.alerts.service import NotMe
from authsvc.login.branding import Brand
from authsvc.login.finish.service import STAFF_ROLE, Finish
from authsvc.login.forced_change.service import ForcedChange
from authsvc.login.join import routes as join_routes
from authsvc.login.join.service import Join
from authsvc.login.leaving import routes as leaving_routes
from authsvc.login.leaving.service import Leaving
from authsvc.login.link import routes as link_routes
from authsvc.login.link.service import EmailedLinks
from authsvc.login.mailbox.service import MailboxProof
from authsvc.login.offer import routes as offer_routes
from authsvc.login.offer.service import Offers
from authsvc.login.recovery import routes as recovery_routes
from authsvc.login.recovery.journey.service import RecoveryJourney
from authsvc.login.recovery.service import REMINDER, Recoveries
from authsvc.login.recovery.store import sweep_recoveries
from authsvc.login.reset import routes as reset_routes
from authsvc.login.reset.service import Reset
from authsvc.login.routes import FlowPages
from authsvc.login.service import Flows
from authsvc.login.service import Purpose as FlowPurpose
from authsvc.login.sign_in import routes as sign_in_routes
from authsvc.login.sign_in.service import SignIn
from authsvc.login.sign_up import routes as sign_up_routes
from authsvc.login.sign_up.service import SignUp
from authsvc.login.signals import routes as signal_routes
from authsvc.login.signals.service import Signals
from authsvc.login.staff import routes as staff_routes
from authsvc.login.staff.service import Staff
from authsvc.login.step_up import routes as step_up_routes
from authsvc.login.step_up.service import StepUp
from authsvc.login.store import end_waiting, sweep_flows
from authsvc.oidc import routes as oidc_routes
from authsvc.oidc.branding import routes as branding_routes
from authsvc.oidc.branding.service import Branding
from authsvc.oidc.callers.service import Callers
from authsvc.oidc.clients.service import ClientRegistry
from authsvc.oidc.clients.store import list_clients, sweep_stored_requests
from authsvc.oidc.flows import FinishedSignIn, RefusedSignIn, SignInRequest
from authsvc.oidc.keys.service import SigningKeys
from authsvc.oidc.provider import Provider, build_provider
from authsvc.oidc.token.store import sweep_tokens
from authsvc.risk.history.behaviour.store import sweep_population
from authsvc.risk.history.failures import sweep_failures as sweep_sign_in_failures
from authsvc.risk.history.geo import open_geo
from authsvc.risk.history.networks import open_networks
from authsvc.risk.history.typing import forget_typing
from authsvc.risk.incidents.service import AttackWatch
from authsvc.risk.policies.in_force import InForce
from authsvc.risk.policies.service import Policies
from authsvc.risk.policy_file import load_policy
from authsvc.risk.service import RiskService
from authsvc.risk.store import sweep_decisions
from authsvc.settings import Settings, load_settings
from authsvc.web import health
from authsvc.web.csrf import Csrf
from authsvc.web.demo import routes as demo_routes
from authsvc.web.edge import install_edge
from authsvc.web.evidence import RefusalEvidence
from authsvc.web.logging import configure_logging
from authsvc.web.origin import OriginReader
from authsvc.web.pages import Pages

VERSION = version("authsvc")

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


def build_services(settings: Settings, *, clock: Clock | None = None) -> Services:
    """Make every part. Nothing is started, and the database is not touched.

    Raises:
        SettingsProblem: a file that the settings name can't be used.
    """
    clock = clock or SystemClock()
    database = Database(settings.database.url, pool_size=settings.database.pool_size)
    vault = Vault(settings.build_keyring())
    keyring = vault.keyring
    audit = Audit(vault)
    limits = Limits(settings.limits.rules(), redis_url=settings.redis.url, clock=clock)
    mailbox = MailboxNotifier(clock) if settings.demo else None
    wake = threading.Event()
    outbox = Outbox(vault, wake)

    private = settings.webhooks.allow_private
    events, webhooks = AccountEvents(outbox), Webhooks(database, vault, audit, clock, private)
    delivery = Delivery(database, vault, audit, clock, HttpClientSender(private), private)
    handlers = {WEBHOOK_TOPIC: delivery.deliver}
    webhook_worker = OutboxWorker(database, vault, clock, threading.Event(), handlers, only=handlers)

    consents = Consents(audit, {Purpose.FACE: delete_face_data, Purpose.TYPING: forget_typing})
    sessions = Sessions(settings.sessions, audit)
    devices = Devices(keyring)
    alerts = Alerts(outbox, audit, settings.issuer, settings.service_name)

    hibp = open_hibp(settings.password.breached_file)
    password_lane = ThreadLane("password", workers=settings.lanes.password_workers, queue=settings.lanes.password_queue)
    face_lane = ProcessLane(
        "face",
        workers=settings.lanes.face_workers,
        queue=settings.lanes.face_queue,
        initializer=partial(begin_worker, choice_of(settings)),
    )
    hasher = Hasher(settings.password, StoredTariff(database, clock))
    passwords = Passwords(settings.password, hasher, password_lane, keyring, audit, alerts, hibp, DROPS)
    passkeys = _passkeys(settings, audit, clock)
    codes = EmailCodes(keyring, outbox, settings.service_name, settings.issuer)
    captures = Captures(
        database=database,
        audit=audit,
        alerts=alerts,
        consents=consents,
        limits=limits,
        lane=face_lane,
        settings=settings.face,
        clock=clock,
        keys=DeviceKeys(database, audit, alerts, limits, sessions, clock, settings.issuer),
        templates=Templates(vault, audit),
        matching=Matching(vault, audit, settings.face),
    )
    face = FaceService(captures, embedder_id(choice_of(settings)) if settings.face.enabled else None)
    totp = Totp(vault, audit, alerts, settings.service_name)
    recovery_codes = RecoveryCodes(keyring, audit, alerts)
    # In the order of the step-up ladder. Another factor is one folder under factors/ and one entry here.
    factors: tuple[Factor, ...] = (passkeys, totp, codes, face, recovery_codes, passwords)

    in_force, geo = InForce(audit, load_policy(settings.risk.policy_file)), open_geo(settings.risk.geoip_database)
    networks = open_networks(settings.risk.asn_database)
    risk = RiskService(vault, audit, in_force, consents, geo, factors, networks)

    branding = Branding(database, audit, clock)
    brands = _ClientBrands(branding)
    recoveries = Recoveries(
        settings.recovery, database, clock, limits, audit, alerts, outbox, sessions, factors, brands
    )
    letters = {"mail": mail_handler(mailbox or _smtp(settings)), REMINDER: recoveries.remind}
    worker = OutboxWorker(database, vault, clock, wake, letters, without=(WEBHOOK_TOPIC,))

    flows = Flows(database, audit, clock, limits, brands)
    fresh = FreshProof(database, clock, limits, flows, sessions, factors)
    offers = Offers(database, clock, limits, audit, alerts, passkeys, fresh)
    completed = (recoveries.stop_at_sign_in, face.open_again)
    finish = Finish(flows, sessions, devices, risk, alerts, audit, offers, completed)
    sign_in = SignIn(
        database=database,
        clock=clock,
        limits=limits,
        audit=audit,
        vault=vault,
        flows=flows,
        finish=finish,
        forced_change=ForcedChange(audit, flows, passwords, factors),
        passwords=passwords,
        passkeys=passkeys,
        devices=devices,
        sessions=sessions,
        consents=consents,
        risk=risk,
    )
    sign_up = SignUp(
        database=database,
        clock=clock,
        limits=limits,
        audit=audit,
        flows=flows,
        finish=finish,
        codes=codes,
        passwords=passwords,
        passkeys=passkeys,
        devices=devices,
        sessions=sessions,
        consents=consents,
        events=events,
        service_name=settings.service_name,
    )
    step_up = StepUp(
        database=database,
        clock=clock,
        limits=limits,
        audit=audit,
        flows=flows,
        finish=finish,
        sign_in=sign_in,
        codes=codes,
        factors=factors,
        passwords=passwords,
        face=face,
        geo=geo,
        issuer=settings.issuer,
        service_name=settings.service_name,
    )
    stops = (recoveries.stop_disowned, StopChanges(audit), totp.stop_enrolment, face.stop_disowned, _end_waiting)
    not_me = NotMe(database, clock, limits, audit, alerts, sessions, passwords, stops)
    addresses = AddressChanges(
        database=database,
        clock=clock,
        limits=limits,
        audit=audit,
        alerts=alerts,
        outbox=outbox,
        codes=codes,
        fresh=fresh,
        not_me=not_me,
        events=events,
        issuer=settings.issuer,
        service_name=settings.service_name,
    )
    leaving = Leaving(
        database=database,
        clock=clock,
        limits=limits,
        audit=audit,
        vault=vault,
        outbox=outbox,
        sessions=sessions,
        consents=consents,
        fresh=fresh,
        factors=factors,
        service_name=settings.service_name,
        erased=(events.erased,),
    )
    locks = Locks(audit, sessions, events, (recoveries.stop_frozen, _end_waiting))
    mailbox_proof = MailboxProof(database, clock, limits, codes, devices)
    recovery = RecoveryJourney(
        database=database,
        clock=clock,
        limits=limits,
        audit=audit,
        flows=flows,
        sessions=sessions,
        devices=devices,
        mailbox=mailbox_proof,
        codes=codes,
        passwords=passwords,
        passkeys=passkeys,
        recovery_codes=recovery_codes,
        recoveries=recoveries,
    )
    reset = Reset(
        database=database,
        clock=clock,
        limits=limits,
        audit=audit,
        flows=flows,
        sign_in=sign_in,
        mailbox=mailbox_proof,
        codes=codes,
        passwords=passwords,
        factors=factors,
        sessions=sessions,
        alerts=alerts,
        risk=risk,
        service_name=settings.service_name,
    )
    staff = Staff(database, clock, limits, audit, flows, sessions, settings.issuer)
    signing_keys = SigningKeys(database, vault, audit, clock, settings.tokens)
    provider = build_provider(
        issuer=settings.issuer,
        settings=settings.tokens,
        database=database,
        vault=vault,
        audit=audit,
        sessions=sessions,
        keys=signing_keys,
        flows=_Journey(flows),
        alerts=_ReuseAlerts(alerts, branding),
        clock=clock,
        limits=limits,
    )
    return Services(
        settings=settings,
        clock=clock,
        database=database,
        audit=audit,
        mailbox=mailbox,
        outbox_worker=worker,
        webhook_worker=webhook_worker,
        sweeper=Sweeper(database, clock, (*SWEEPS, AttackWatch(audit).run)),
        sealer=SealerThread(Sealer(database, settings.secrets.audit, clock)),
        limits=limits,
        password_lane=password_lane,
        face_lane=face_lane,
        sessions=sessions,
        consents=consents,
        passwords=passwords,
        face=face,
        risk=risk,
        policies=Policies(audit, two_people=not settings.demo),
        flows=flows,
        sign_in=sign_in,
        sign_up=sign_up,
        offers=offers,
        signals=Signals(database, clock, sessions, passkeys),
        step_up=step_up,
        reset=reset,
        links=EmailedLinks(database, clock, limits, audit, codes),
        totp=totp,
        recovery_codes=recovery_codes,
        recoveries=recoveries,
        recovery=recovery,
        addresses=addresses,
        leaving=leaving,
        locks=locks,
        fresh=fresh,
        own_account=OwnAccount(database, clock, fresh, consents, face, recoveries),
        own_face=OwnFace(database, clock, limits, flows, fresh, devices, consents, face, settings.issuer),
        own_passkeys=OwnPasskeys(database, clock, limits, alerts, passkeys, passwords, fresh),
        own_password=OwnPassword(database, clock, limits, passwords, passkeys, fresh, settings.service_name),
        own_second=OwnSecond(database, clock, limits, totp, recovery_codes, passwords, fresh),
        activity=Activity(database, clock, vault, risk.geo, fresh, not_me, _client_names),
        own_sessions=OwnSessions(database, clock, audit, vault, risk.geo, devices, fresh),
        not_me=not_me,
        staff=staff,
        clients=ClientRegistry(database, audit, clock),
        account_api=AccountApi(
            database=database,
            clock=clock,
            limits=limits,
            audit=audit,
            outbox=outbox,
            keyring=keyring,
            callers=Callers(database, signing_keys, clock, settings.issuer),
            branding=branding,
            locks=locks,
            leaving=leaving,
            issuer=settings.issuer,
        ),
        join=Join(database, clock, limits, flows),
        branding=branding,
        events=events,
        webhooks=webhooks,
        signing_keys=signing_keys,
        console=Console(database, clock, audit, vault, staff),
        provider=provider,
    )


def build_app(settings: Settings, services: Services | None = None, *, storefront_url: str = "") -> FastAPI:
    """Put HTTP around the parts. Args: storefront_url is where the demo's shop is, for its home page."""
    parts = services or build_services(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        parts.signing_keys.current()  # the first request should not wait for an RSA key
        parts.outbox_worker.start()
        parts.webhook_worker.start()
        parts.sealer.start()
        parts.sweeper.start()
        yield
        parts.sweeper.stop()
        parts.outbox_worker.stop()
        parts.webhook_worker.stop()
        parts.sealer.stop()
        parts.close()

    app = FastAPI(title="authsvc", version=VERSION, lifespan=lifespan, docs_url=None, redoc_url=None)
    csrf = Csrf(parts.risk.vault.keyring.derived("csrf")[0], settings.issuer)
    pages = Pages(settings, csrf)
    evidence = partial(
        RefusalEvidence, database=parts.database, audit=parts.audit, limits=parts.limits, clock=parts.clock
    )
    install_edge(app, settings, csrf, pages, OriginReader(settings.trusted_proxies), evidence=evidence)
    shown = FlowPages(
        pages,
        parts.flows,
        parts.sign_up,
        parts.step_up,
        session_days=settings.sessions.absolute_days,
        staff_hours=settings.sessions.staff_hours,
    )
    own_pages = AccountPages(shown, parts.fresh)
    for router in (
        health.build_router(parts.database),
        login_routes.build_router(shown, csrf),
        sign_in_routes.build_router(shown, parts.sign_in, csrf),
        sign_up_routes.build_router(shown, parts.sign_up, csrf),
        offer_routes.build_router(shown, parts.offers, csrf),
        signal_routes.build_router(parts.signals),
        step_up_routes.build_router(shown, parts.step_up, csrf),
        reset_routes.build_router(shown, parts.reset, csrf),
        link_routes.build_router(shown, parts.links),
        recovery_routes.build_router(shown, parts.recovery, parts.recoveries, csrf),
        account_routes.build_router(own_pages, parts.own_account, csrf),
        own_face_routes.build_router(own_pages, parts.own_face, parts.step_up, csrf),
        own_passkey_routes.build_router(own_pages, parts.own_passkeys, csrf),
        own_password_routes.build_router(own_pages, parts.own_password, csrf),
        own_second_routes.build_router(own_pages, parts.own_second, csrf, service_name=settings.service_name),
        address_routes.build_router(own_pages, parts.addresses, csrf),
        leaving_routes.build_router(own_pages, parts.leaving, csrf),
        own_session_routes.build_router(own_pages, parts.own_sessions, csrf),
        activity_routes.build_router(own_pages, parts.activity, csrf),
        alert_routes.build_router(pages, parts.not_me, csrf),
        staff_routes.build_router(pages, parts.staff, csrf),
        face_routes.build_router(parts.face.captures, parts.face.keys),
        passkey_routes.build_router(settings.passkeys.related_origins),
        join_routes.build_router(parts.join),
        branding_routes.build_router(parts.branding),
        account_api_routes.build_router(parts.account_api),
        oidc_routes.build_router(parts.provider, pages, csrf),
        console_routes.build_router(parts.console, pages),
        case_routes.build_router(Cases(parts.console), pages, csrf),
        label_routes.build_router(Labels(parts.console), pages, csrf),
        incident_routes.build_router(Incidents(parts.console), pages),
        policy_routes.build_router(PolicyDesk(parts.console, parts.policies, parts.risk.in_force), pages, csrf),
    ):
        app.include_router(router)
    if parts.mailbox is not None:
        app.include_router(
            demo_routes.build_demo_router(pages, parts.mailbox, issuer=settings.issuer, storefront_url=storefront_url)
        )
    else:
        app.include_router(demo_routes.build_home_router(pages))
    return app


def create_app() -> FastAPI:
    """What uvicorn calls: the app of the environment's settings."""
    settings = load_settings()
    configure_logging(settings.log_level)
    return build_app(settings)


@dataclass(frozen=True)
class _Journey:
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
class _ClientBrands:
    """Fills login's Brands with the clients' own."""

    branding: Branding

    def of(self, client_id: str | None, connection: Connection | None = None) -> Brand | None:
        look = self.branding.of(client_id, connection)
        if look is None:
            return None
        return Brand(look.letterhead, look.style, look.logo, look.logo_width, look.logo_height)


@dataclass(frozen=True)
class _ReuseAlerts:
    """Fills oidc's Alerts."""

    alerts: Alerts
    branding: Branding

    def refresh_reuse(
        self, connection: Connection, account_id: str, client_id: str, origin: Origin | None, now: datetime
    ) -> None:
        look = self.branding.of(client_id, connection)
        head = look.letterhead if look else None
        self.alerts.send(connection, account_id, AlertKind.REFRESH_REUSED, origin=origin, now=now, letterhead=head)


def _forget_typing(connection: Connection, account_id: str, _flow_id: str | None, _now: datetime) -> None:
    forget_typing(connection, account_id)


def _client_names(connection: Connection) -> dict[str, str]:
    """Fills login's activity: what the clients are called."""
    return {client.id: client.name for client in list_clients(connection)}


def _passkeys(settings: Settings, audit: Audit, clock: Clock) -> Passkeys:
    given = settings.passkeys
    rp = RelyingParty(settings.rp_id, settings.service_name, settings.issuer, given.related_origins)
    metadata = open_metadata(given.metadata_blob, given.metadata_root, given.metadata_signer, clock.now())
    return Passkeys(rp, audit, metadata, load_names(given.authenticator_names))


def _end_waiting(connection: Connection, account_id: str, origin: Origin | None, now: datetime) -> None:  # noqa: ARG001
    """End the sign-ins that wait for a second proof: what they were asked for was decided before the owner's word."""
    end_waiting(connection, account_id, None, now)


# What goes with a password that is replaced or removed.
DROPS = (_forget_typing, end_waiting)


def _smtp(settings: Settings) -> Notifier:
    mail = settings.mail
    assert mail.host is not None  # the settings insist outside the demo
    return SmtpNotifier(
        host=mail.host,
        port=mail.port,
        sender=mail.sender,
        user=mail.user,
        password=mail.password.get_secret_value() if mail.password else None,
        starttls=mail.starttls,
    )
