"""A factor that authsvc has never heard of, wired by one entry of the tuple: asked for, typed, wrong, right, exported.

It is of a kind whose worth accounts/levels.py knows; everything else about it stands in this file.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from authsvc.accounts.levels import ProofKind
from authsvc.app import build_services
from authsvc.core.database import Database
from authsvc.core.mail import Letterhead
from authsvc.core.origin import Origin
from authsvc.factors.factor import Exported, TypedCheck, TypedPrompt, Way
from authsvc.settings import Settings
from tests.support.clocks import SettableClock
from tests.support.running import PASSWORD, Running

EMAIL = "ada@example.org"


@dataclass(frozen=True)
class PrintedGrid:
    """Asks for a field of a printed grid; good once."""

    used: list[str] = field(default_factory=list)

    kind = ProofKind.TOTP
    prompt = TypedPrompt("Use my grid", "Look at your grid", "Field B4, please.", "Field B4", "text", "off", 4)

    def ways(self, connection: Connection, account_id: str) -> tuple[Way, ...]:
        return () if self.used else (Way("grid", self.kind, "Grid", "", datetime.fromisoformat("2026-01-01T00:00Z")),)

    def remove_all(self, connection: Connection, account_id: str, *, origin: Origin, now: datetime) -> int:
        return 0

    def export(self, connection: Connection, account_id: str) -> Exported:
        return []

    def check(
        self,
        connection: Connection,
        account_id: str,
        typed: str,
        *,
        origin: Origin,
        now: datetime,
        letterhead: Letterhead | None = None,
    ) -> TypedCheck:
        if typed != "K7":
            return TypedCheck(False, "grid.wrong", "That is another field.", tries_left=1)
        self.used.append(typed)
        return TypedCheck(True)


def test_one_entry_of_the_tuple_is_enough(
    sqlite_only_database: Database, clock: SettableClock, make_settings: Callable[..., Settings]
) -> None:
    services = build_services(make_settings(database={"url": sqlite_only_database.url.render_as_string()}), clock=clock)
    others = tuple(each for each in services.step_up.factors if each.kind is not ProofKind.TOTP)
    step_up = replace(services.step_up, factors=(PrintedGrid(), *others))
    service = Running(replace(services, step_up=step_up), clock)

    service.sign_up(service.browser(), EMAIL)
    browser, shop = service.browser(), service.shop()
    shop.begin(browser, acr_values="urn:authsvc:acr:mfa")
    page = browser.submit("/login/password", email=EMAIL, password=PASSWORD, typing="")
    assert "Use my grid" in page.text
    assert "Send me a code by mail" not in page.text  # a strong one closes the mailbox, whichever it is
    page = browser.submit("/login/step-up/typed")
    assert "Field B4, please." in page.text
    page = browser.submit("/login/code", code="A1")
    assert page.status_code == 400
    assert "That is another field." in page.text
    assert shop.finish(browser, browser.submit("/login/code", code="K7"))["acr"] == "urn:authsvc:acr:mfa"
    assert [event.facts["code"] for event in service.events("login:step_up:code_wrong")] == ["grid.wrong"]
    services.close()
