"""The demo as a newcomer starts it, and a Chromium that drives it.

`demo` runs `authsvc demo` in an empty folder, on ports of its own: what is tested is what `make run` starts. Pages run
under the production Content-Security-Policy; a test fails when anything broke it, and on any script error.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
WIDTHS = (1280, 640, 390, 320)  # a screen, the same at 200 %, a phone, and the screen at 400 % (WCAG 1.4.10)
PHONE = 390
SCHEMES = ("light", "dark")
SEVERE = ("serious", "critical")
PATIENCE_MS = 45_000  # for what a busy machine does in its own time; nothing here asserts that anything is quick
LINK = re.compile(r"http://localhost:\d+/enrol\?token=\S+")


@dataclass
class Demo:
    """A running demo."""

    issuer: str
    storefront: str
    folder: Path
    process: "subprocess.Popen[str]"
    greeting: str
    codes_used: set[str] = field(default_factory=set)

    @property
    def invitation(self) -> str:
        found = LINK.search(self.greeting)
        assert found is not None, self.greeting
        return found[0]

    def environment(self) -> dict[str, str]:
        """Return the variables with which other commands work on the demo's database."""
        lines = (self.folder / ".demo" / "env").read_text().splitlines()
        pairs = (line.partition("=") for line in lines)
        return {**os.environ, **{name: value.strip("'") for name, _, value in pairs}}

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run an authsvc command beside the demo."""
        return subprocess.run(
            [sys.executable, "-m", "authsvc", *arguments],
            cwd=self.folder,
            env={**self.environment(), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=PATIENCE_MS // 1000 * 4,
            check=False,
        )


DRAWN_FACES_PASS = {"FACE__ATTACK_LIMIT": "inf"}  # the attack detection is right about them: they don't live
# All visitors of all tests come from one address.
ROOM_FOR_ALL = {
    "LIMITS__SIGN_UP_PER_ADDRESS": "1000 per 1 hour",
    "LIMITS__RESET_PER_ADDRESS": "1000 per 1 hour",
    "LIMITS__RECOVERY_PER_ADDRESS": "1000 per 1 hour",
    "LIMITS__CODE_PER_ADDRESS": "1000 per 10 minutes",
    "LIMITS__FACE_PER_ADDRESS": "1000 per 10 minutes",
}


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, chromium: Path) -> Iterator[Demo]:
    with started(tmp_path_factory.mktemp("demo"), **ROOM_FOR_ALL, **DRAWN_FACES_PASS) as running:
        yield running


@contextmanager
def started(folder: Path, **settings: str) -> Iterator[Demo]:
    """Start a demo in a folder and stop it. Args: settings without their prefix, beside those the demo makes itself."""
    port, storefront_port = _free_ports()
    variables = {f"AUTHSVC_{name}": value for name, value in settings.items()}
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "authsvc", "demo", "--port", str(port), "--storefront-port", str(storefront_port)],
        cwd=folder,
        env={**os.environ, **variables, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    greeting = _read_greeting(process)
    threading.Thread(target=_drain, args=(process,), daemon=True).start()
    yield Demo(f"http://localhost:{port}", f"http://127.0.0.1:{storefront_port}", folder, process, greeting)
    os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C does: everybody in the group hears it
    assert process.wait(timeout=PATIENCE_MS // 1000 * 4) == 0
    for each in (port, storefront_port):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", each)) != 0, "Ctrl-C left something running"


TYPED = count()

# While a key's own listeners run, the page's clock shows the time that was planned for it.
KEYS_BY_PLAN = """times => {
  const real = performance.now.bind(performance), begun = real();
  let planned = null, at = 0;
  performance.now = () => planned ?? real();
  for (const kind of ["keydown", "keyup"]) {
    window.addEventListener(kind, () => { if (at < times.length) planned = begun + times[at++]; }, true);
    window.addEventListener(kind, () => { planned = null; });
  }
}"""

NO_AUTOFILL = "if (window.PublicKeyCredential) PublicKeyCredential.isConditionalMediationAvailable = async () => false"


@dataclass
class Authenticator:
    """A virtual authenticator of one page."""

    session: CDPSession
    id: str

    def somebody_is_present(self, present: bool) -> None:
        """Say whether ceremonies that begin from now on are confirmed at once, or wait."""
        self.session.send("WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": self.id, "enabled": present})

    def credentials(self) -> list[dict[str, Any]]:
        """Return the passkeys it holds."""
        found: list[dict[str, Any]] = self.session.send("WebAuthn.getCredentials", {"authenticatorId": self.id})[
            "credentials"
        ]
        return found


@dataclass
class Visitor:
    """One browser profile with one open page, and what went wrong on its pages."""

    context: BrowserContext
    page: Page
    demo: Demo
    problems: list[str] = field(default_factory=list)

    def add_authenticator(self, *, autofill: bool = False) -> "Authenticator":
        """Give the profile a platform authenticator that verifies its user.

        Args:
            autofill: let pages offer its passkeys in their address field. Where somebody is present it takes one there
                at once, so tests of buttons do without.
        """
        if not autofill:
            self.context.add_init_script(NO_AUTOFILL)
        session = self.context.new_cdp_session(self.page)
        session.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        added = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        return Authenticator(session, str(added["authenticatorId"]))

    def mailed_code(self, email: str) -> str:
        """Return the newest code mailed to an address and not used yet, from the demo's mailbox page."""
        mailbox = self.context.new_page()
        try:
            for _ in patiently():
                mailbox.goto(f"{self.demo.issuer}/demo/mailbox")
                for mail in mailbox.locator("article.mail").all():
                    text = mail.inner_text()
                    found = re.search(r"\b(\d{8})\b", text) if email in text else None
                    if found and found[1] not in self.demo.codes_used:
                        self.demo.codes_used.add(found[1])
                        return found[1]
        finally:
            mailbox.close()
        raise AssertionError(f"no code was mailed to {email}")

    def type_like(self, selector: str, text: str, *, hold_ms: float, gap_ms: float, seed: int) -> None:
        """Type as a person does: keys held and apart, no two times alike."""
        noise = random_walk(seed + 1000 * next(TYPED))  # the same times twice would be a recording
        pauses = [(hold_ms + 12 * next(noise), gap_ms + 25 * next(noise)) for _ in text]
        self._type(selector, text, pauses)

    def type_as_a_program(self, selector: str, text: str) -> None:
        """Type faster than anybody can."""
        self._type(selector, text, [(2.0 + number % 3, 3.0 + number % 2) for number, _ in enumerate(text)])

    def _type(self, selector: str, text: str, pauses: list[tuple[float, float]]) -> None:
        """Press keys at these times by the page's clock: on a busy machine real ones would come whenever they can."""
        times, at = [], 0.0
        for hold, gap in pauses:
            times += [at, at + hold]
            at += hold + gap
        self.page.evaluate(KEYS_BY_PLAN, times)
        self.page.locator(selector).focus()
        for character in text:
            self.page.keyboard.down(character)
            self.page.keyboard.up(character)


@pytest.fixture(scope="module")
def axe() -> Axe:
    return Axe()


@pytest.fixture
def look(axe: Axe) -> Callable[[Page, str], None]:
    """look(page, heading): that page has no serious violation, in either scheme, and fits every width."""

    def check(page: Page, heading: str) -> None:
        expect(page.get_by_role("heading", level=1)).to_contain_text(heading)  # the click before only began the journey
        page.wait_for_load_state()
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wider <= 0, f"{heading}: {wider} px wider than {width}"
        for width in (PHONE, WIDTHS[0]):
            page.set_viewport_size({"width": width, "height": 800})
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                found = axe.run(page).response["violations"]
                severe = [each for each in found if each["impact"] in SEVERE]
                assert severe == [], f"{heading}, {width} px, {scheme}: {[describe(each) for each in severe]}"
        page.emulate_media(color_scheme="light")

    return check


def describe(violation: dict[str, Any]) -> str:
    return f"{violation['id']}: {[node['html'][:160] for node in violation['nodes']]}"


def random_walk(seed: int) -> Iterator[float]:
    """Yield numbers in [-1, 1], the same for the same seed."""
    state = seed * 2654435761 % 2**32
    while True:
        state = (1103515245 * state + 12345) % 2**31
        yield state / 2**30 - 1


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    """A module's own: while Playwright runs, its thread has an event loop, in which no other test could run one."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(chromium), args=CHROMIUM_FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def new_visitor(browser: Browser, demo: Demo) -> Iterator[Any]:
    """new_visitor(**context options) -> Visitor: a fresh profile, as if on another machine."""
    visitors: list[Visitor] = []

    def make(**options: Any) -> Visitor:
        context = browser.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        visitor = Visitor(context, context.new_page(), demo)
        context.on("console", lambda message: _note(visitor, message))
        context.on("weberror", lambda error: visitor.problems.append(f"script error: {error.error}"))
        visitors.append(visitor)
        return visitor

    yield make
    for visitor in visitors:
        visitor.context.close()
        assert visitor.problems == []


def _note(visitor: Visitor, message: Any) -> None:
    text = message.text
    if "Content Security Policy" in text or "TrustedHTML" in text:
        visitor.problems.append(text)


def patiently() -> Iterator[int]:
    """Count the tries at something that comes in its own time: for as long as anything here is waited for."""
    ends = time.monotonic() + PATIENCE_MS / 1000
    for number in count():
        yield number
        if time.monotonic() > ends:
            return
        time.sleep(0.1)


def _drain(process: "subprocess.Popen[str]") -> None:
    """Read what the demo still says: a full pipe would stop it."""
    assert process.stdout is not None
    for _ in process.stdout:
        pass


def _read_greeting(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C stops everything" in line:
            return "".join(lines)
    raise AssertionError(f"the demo did not start:\n{''.join(lines)}")


def _free_ports() -> tuple[int, int]:
    """Return two ports. Both are held while they are chosen: one after another they may be the same."""
    with socket.socket() as first, socket.socket() as second:
        for each in (first, second):
            each.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")
            item.add_marker(pytest.mark.timeout(PATIENCE_MS // 1000 * 10))
