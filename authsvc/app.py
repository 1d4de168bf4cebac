"""Where the parts are wired together, and nowhere else.

`build_services` makes every part from the settings, room by room from the ground up; `build_app` puts HTTP around them.
Journeys don't know one another: what one needs of another is a small Protocol, filled in wiring/handovers.py. What ends
when something else does stands in wiring/endings.py, the routes in wiring/routers.py.
"""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI

from authsvc.account_api.service import AccountApi
from authsvc.accounts.alerts.service import Alerts
from authsvc.accounts.consents.service import Consents, Purpose
from authsvc.accounts.devices.service import Devices
from authsvc.accounts.events.http_client_sender import HttpClientSender
from authsvc.accounts.events.service import TOPIC as WEBHOOK_TOPIC
from authsvc.accounts.events.service import AccountEvents, Delivery, Webhooks
from authsvc.accounts.locks.service import Locks
from authsvc.accounts.sessions.service import Sessions
from authsvc.console.service import Console
from authsvc.console.store import list_client_names
from authsvc.core.audit.sealer import Sealer, SealerThread
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock, SystemClock
from authsvc.core.database import Database
from authsvc.core.limits import Limits
from authsvc.core.mail import MailboxNotifier
from authsvc.core.outbox.service import Outbox, OutboxWorker, mail_handler
from authsvc.core.sealing.service import Vault
from authsvc.core.sweeper import Sweeper
from authsvc.factors.email_code.service import EmailCodes
from authsvc.factors.face.captures.service import Captures
from authsvc.factors.face.devices.service import DeviceKeys
from authsvc.factors.face.embedder.choice import choice_of, embedder_id
from authsvc.factors.face.matching.service import Matching
from authsvc.factors.face.service import FaceService
from authsvc.factors.face.store import delete_face_data
from authsvc.factors.face.templates.service import Templates
from authsvc.factors.factor import Factor
from authsvc.factors.password.argon2_hasher import Hasher
from authsvc.factors.password.hibp_file import open_hibp
from authsvc.factors.password.legacy.service import StoredTariff
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
from authsvc.login.address.service import AddressChanges, StopChanges
from authsvc.login.alerts.service import NotMe
from authsvc.login.arrivals.service import Arrivals
from authsvc.login.finish.service import Finish
from authsvc.login.forced_change.service import ForcedChange
from authsvc.login.join.service import Join
from authsvc.login.leaving.service import Leaving
from authsvc.login.link.service import EmailedLinks
from authsvc.login.mailbox.service import MailboxProof
from authsvc.login.offer.service import Offers
from authsvc.login.recovery.journey.service import RecoveryJourney
from authsvc.login.recovery.service import REMINDER, Recoveries
from authsvc.login.reset.service import Reset
from authsvc.login.service import Flows
from authsvc.login.sign_in.service import SignIn
from authsvc.login.sign_up.service import SignUp
from authsvc.login.signals.service import Signals
from authsvc.login.staff.service import Staff
from authsvc.login.step_up.service import StepUp
from authsvc.login.unlock.service import Unlock
from authsvc.oidc.branding.service import Branding
from authsvc.oidc.callers.service import Callers
from authsvc.oidc.clients.service import ClientRegistry
from authsvc.oidc.keys.service import SigningKeys
from authsvc.oidc.provider import build_provider
from authsvc.risk.history.geo import open_geo
from authsvc.risk.history.networks import open_networks
from authsvc.risk.history.typing import forget_typing
from authsvc.risk.incidents.service import AttackWatch
from authsvc.risk.policies.in_force import InForce
from authsvc.risk.policies.service import Policies
from authsvc.risk.policy_file import load_policy
from authsvc.risk.service import RiskService
from authsvc.settings import Settings, load_settings
from authsvc.web.csrf import Csrf
from authsvc.web.edge import install_edge
from authsvc.web.evidence import RefusalEvidence
from authsvc.web.logging import configure_logging
from authsvc.web.origin import OriginReader
from authsvc.web.pages import Pages
from authsvc.wiring import engines
from authsvc.wiring.endings import DROPS, SWEEPS, halt_waiting
from authsvc.wiring.handovers import ClientBrands, ReuseAlerts, SignIns
from authsvc.wiring.routers import build_routers
from authsvc.wiring.services import Ground, Services

VERSION = version("authsvc")


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
    ground: Ground = {"database": database, "clock": clock, "limits": limits, "audit": audit}
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
    password_lane, face_lane = engines.password_lane(settings.lanes), engines.face_lane(settings)
    hasher = Hasher(settings.password, StoredTariff(database, clock))
    passwords = Passwords(settings.password, hasher, password_lane, keyring, audit, alerts, hibp, DROPS)
    passkeys = engines.passkeys(settings, audit, clock)
    codes = EmailCodes(keyring, outbox, settings.service_name, settings.issuer)
    captures = Captures(
        **ground,
        alerts=alerts,
        consents=consents,
        lane=face_lane,
        settings=settings.face,
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
    brands = ClientBrands(branding)
    recoveries = Recoveries(
        settings.recovery, database, clock, limits, audit, alerts, outbox, sessions, factors, brands
    )
    letters = {"mail": mail_handler(mailbox or engines.mail_server(settings.mail)), REMINDER: recoveries.remind}
    worker = OutboxWorker(database, vault, clock, wake, letters, without=(WEBHOOK_TOPIC,))

    flows = Flows(database, audit, clock, limits, brands)
    fresh = FreshProof(database, clock, limits, flows, sessions, factors)
    offers = Offers(database, clock, limits, audit, alerts, passkeys, face, fresh)
    completed = (recoveries.stop_at_sign_in, face.open_again)
    finish = Finish(flows, sessions, devices, risk, alerts, audit, offers, completed)
    arrivals = Arrivals(vault, flows, finish, passwords, devices, sessions, consents, risk)
    sign_in = SignIn(
        **ground,
        finish=finish,
        arrivals=arrivals,
        forced_change=ForcedChange(audit, flows, passwords, factors),
        passwords=passwords,
        passkeys=passkeys,
        devices=devices,
        risk=risk,
    )
    sign_up = SignUp(
        **ground,
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
        **ground,
        flows=flows,
        finish=finish,
        arrivals=arrivals,
        codes=codes,
        factors=factors,
        face=face,
        geo=geo,
        issuer=settings.issuer,
        service_name=settings.service_name,
    )
    stops = (recoveries.stop_disowned, StopChanges(audit), totp.stop_enrolment, face.stop_disowned, halt_waiting)
    not_me = NotMe(database, clock, limits, audit, alerts, sessions, passwords, stops)
    addresses = AddressChanges(
        **ground,
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
        **ground,
        vault=vault,
        outbox=outbox,
        sessions=sessions,
        consents=consents,
        fresh=fresh,
        factors=factors,
        service_name=settings.service_name,
        erased=(events.erased,),
    )
    locks = Locks(audit, sessions, events, (recoveries.stop_frozen, halt_waiting))
    mailbox_proof = MailboxProof(database, clock, limits, codes, devices)
    recovery = RecoveryJourney(
        **ground,
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
        **ground,
        flows=flows,
        arrivals=arrivals,
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
        **ground,
        issuer=settings.issuer,
        settings=settings.tokens,
        vault=vault,
        sessions=sessions,
        keys=signing_keys,
        flows=SignIns(flows),
        alerts=ReuseAlerts(alerts, branding),
    )
    return Services(
        **ground,
        settings=settings,
        mailbox=mailbox,
        outbox_worker=worker,
        webhook_worker=webhook_worker,
        sweeper=Sweeper(database, clock, (*SWEEPS, AttackWatch(audit).run)),
        sealer=SealerThread(Sealer(database, settings.secrets.audit, clock)),
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
        unlock=Unlock(database, clock, limits, audit, flows, codes, passwords),
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
        activity=Activity(database, clock, vault, risk.geo, fresh, not_me, list_client_names),
        own_sessions=OwnSessions(database, clock, audit, vault, risk.geo, devices, fresh),
        not_me=not_me,
        staff=staff,
        clients=ClientRegistry(database, audit, clock),
        account_api=AccountApi(
            **ground,
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
    for router in build_routers(parts, pages, csrf, storefront_url=storefront_url):
        app.include_router(router)
    return app


def create_app() -> FastAPI:
    """What uvicorn calls: the app of the environment's settings."""
    settings = load_settings()
    configure_logging(settings.log_level)
    return build_app(settings)
