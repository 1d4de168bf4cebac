"""Every route there is, with the parts that it calls."""

from fastapi import APIRouter

from authsvc.account_api import routes as account_api_routes
from authsvc.console import routes as console_routes
from authsvc.console.cases import routes as case_routes
from authsvc.console.cases.service import Cases
from authsvc.console.incidents import routes as incident_routes
from authsvc.console.incidents.service import Incidents
from authsvc.console.labels import routes as label_routes
from authsvc.console.labels.service import Labels
from authsvc.console.policy import routes as policy_routes
from authsvc.console.policy.service import PolicyDesk
from authsvc.factors.face import routes as face_routes
from authsvc.factors.passkey import routes as passkey_routes
from authsvc.login import routes as login_routes
from authsvc.login.account import routes as account_routes
from authsvc.login.account.activity import routes as activity_routes
from authsvc.login.account.face import routes as own_face_routes
from authsvc.login.account.passkeys import routes as own_passkey_routes
from authsvc.login.account.password import routes as own_password_routes
from authsvc.login.account.routes import AccountPages
from authsvc.login.account.second import routes as own_second_routes
from authsvc.login.account.sessions import routes as own_session_routes
from authsvc.login.address import routes as address_routes
from authsvc.login.alerts import routes as alert_routes
from authsvc.login.join import routes as join_routes
from authsvc.login.leaving import routes as leaving_routes
from authsvc.login.link import routes as link_routes
from authsvc.login.offer import routes as offer_routes
from authsvc.login.recovery import routes as recovery_routes
from authsvc.login.reset import routes as reset_routes
from authsvc.login.routes import FlowPages
from authsvc.login.sign_in import routes as sign_in_routes
from authsvc.login.sign_up import routes as sign_up_routes
from authsvc.login.signals import routes as signal_routes
from authsvc.login.staff import routes as staff_routes
from authsvc.login.state_pages import StatePages
from authsvc.login.step_up import routes as step_up_routes
from authsvc.login.unlock import routes as unlock_routes
from authsvc.oidc import routes as oidc_routes
from authsvc.oidc.branding import routes as branding_routes
from authsvc.web import health
from authsvc.web.csrf import Csrf
from authsvc.web.demo import routes as demo_routes
from authsvc.web.pages import Pages
from authsvc.wiring.services import Services


def build_routers(parts: Services, pages: Pages, csrf: Csrf, *, storefront_url: str) -> tuple[APIRouter, ...]:
    """Return every router. Args: storefront_url is where the demo's shop is, for its home page."""
    settings = parts.settings
    shown = FlowPages(
        pages,
        parts.flows,
        StatePages(parts.sign_up, parts.step_up),
        session_days=settings.sessions.absolute_days,
        staff_hours=settings.sessions.staff_hours,
    )
    own_pages = AccountPages(shown, parts.fresh)
    home = demo_routes.build_home_router(pages)
    if parts.mailbox is not None:
        issuer = settings.issuer
        home = demo_routes.build_demo_router(pages, parts.mailbox, issuer=issuer, storefront_url=storefront_url)
    return (
        health.build_router(parts.database),
        login_routes.build_router(shown, parts.unlock, csrf),
        sign_in_routes.build_router(shown, parts.sign_in, csrf),
        sign_up_routes.build_router(shown, parts.sign_up, csrf),
        offer_routes.build_router(shown, parts.offers, parts.step_up, csrf),
        signal_routes.build_router(parts.signals),
        step_up_routes.build_router(shown, parts.step_up, csrf),
        unlock_routes.build_router(shown, parts.unlock, csrf),
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
        home,
    )
