"""The console behind the real edge, and the people in its database."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from fastapi import APIRouter, FastAPI
from starlette.testclient import TestClient

from authsvc.accounts.store import Account
from authsvc.console.service import Console
from authsvc.core.audit.service import Audit
from authsvc.core.database import Database
from authsvc.settings import Settings
from authsvc.web import cookies
from authsvc.web.csrf import Csrf
from authsvc.web.edge import install_edge
from authsvc.web.origin import OriginReader
from authsvc.web.pages import Pages
from tests.support.clocks import SettableClock
from tests.support.decisions import Analyst, Scene, StaffByCookie, cookie_of

BROWSER = "b" * 43
ANALYST = "analyst"
# Who has a staff session: what they are called, and their role.
INES_AND_SAM: Mapping[str, tuple[str, str | None]] = {"ines": ("Ines Okafor", ANALYST), "sam": ("Sam", None)}


@dataclass(frozen=True)
class Desk:
    scene: Scene
    app: FastAPI
    clock: SettableClock
    people: Mapping[str, Account]

    def client(self, who: str | None, browser: str | None = None) -> TestClient:
        """Return somebody's client. Args: browser is the secret that forms are bound to."""
        parts = [f"{cookies.FLOW}={browser}"] if browser else []
        parts += [f"{cookies.CONSOLE}={cookie_of(who)}"] if who else []
        headers = {"accept": "text/html"} | ({"cookie": "; ".join(parts)} if parts else {})
        return TestClient(self.app, base_url="https://localhost:8000", headers=headers, follow_redirects=False)

    def browser(self, who: str | None) -> TestClient:
        """Return a client whose forms are taken."""
        return self.client(who, BROWSER)


def open_desk(
    database: Database,
    audit: Audit,
    clock: SettableClock,
    settings: Settings,
    rooms: Callable[[Console, Pages, Csrf], Iterable[APIRouter]],
    *,
    people: Mapping[str, tuple[str, str | None]] = INES_AND_SAM,
) -> Desk:
    """Return a console with these rooms' routes, and with these people signed in to it."""
    scene = Scene(database, audit, clock.now())
    accounts = {who: scene.person(name, f"{who}@example.org", role=role) for who, (name, role) in people.items()}
    staff = StaffByCookie({cookie_of(who): Analyst(each.id, people[who][0]) for who, each in accounts.items()})
    csrf = Csrf(bytes(32), settings.issuer)
    pages = Pages(settings, csrf)
    app = FastAPI()
    install_edge(app, settings, csrf, pages, OriginReader(()))
    for router in rooms(Console(database, clock, audit, audit.vault, staff), pages, csrf):
        app.include_router(router)
    return Desk(scene, app, clock, accounts)
