"""A face before the browser's own camera, and on a phone that reads the page's QR code: enrolled, and asked for.

The camera shows drawn people, who do what the page asks once the page has asked for it (tests/browser/fake_camera.py):
nothing waits for a time to pass.
"""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect, sync_playwright

from authsvc.factors.face.prompts import Prompt
from tests.browser.conftest import CHROMIUM_FLAGS, PATIENCE_MS, ROOT, Visitor, patiently
from tests.browser.fake_camera import TAKES, FakeCamera, drawn
from tests.browser.test_journeys import sign_out, sign_up_with_password, type_password
from tests.browser.test_passkeys import change
from tests.browser.test_second_factors import confirm_password, read_qr, set_up_app, sign_in_to_account

ASKED = {
    "Look straight at the camera": Prompt.STRAIGHT,
    "Turn your head a little to your left": Prompt.LEFT,
    "Turn your head a little to your right": Prompt.RIGHT,
    "Come a little closer": Prompt.CLOSER,
}
OTHER_WAY = {Prompt.LEFT: Prompt.RIGHT, Prompt.RIGHT: Prompt.LEFT}
WITH_CAMERA = {"permissions": ["camera"]}
FAILS = "name => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', name); }; }"
CAMERA_IS_ON = "document.querySelector('video').srcObject !== null"
CAMERA_IS_ALLOWED = "document.featurePolicy.allowsFeature('camera')"
KEY_CAN_BE_READ = """async () => {
  const opening = indexedDB.open("authsvc", 1);
  await new Promise(resolve => { opening.onsuccess = resolve; });
  const asked = opening.result.transaction("face").objectStore("face").getAll();
  await new Promise(resolve => { asked.onsuccess = resolve; });
  const [key] = asked.result;
  return crypto.subtle.exportKey("jwk", key).then(() => true, () => key.extractable);
}"""


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> FakeCamera:
    return FakeCamera(tmp_path_factory.mktemp("camera") / "frames.mjpeg")


@pytest.fixture(scope="module")
def browser(chromium: Path, camera: FakeCamera) -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(chromium), args=[*CHROMIUM_FLAGS, *camera.flags])
        yield launched
        launched.close()


# -- what a customer does


def heading(page: Page) -> Locator:
    return page.get_by_role("heading", level=1)


def allow_face(visitor: Visitor) -> None:
    page = visitor.page
    page.goto(f"{visitor.demo.issuer}/account/consents")
    consent = page.locator("article.consent", has_text="Recognise my face")
    consent.get_by_role("button", name="Allow").click()
    expect(consent.get_by_role("button", name="Allow")).to_have_count(0)


def add_browser(visitor: Visitor) -> None:
    page = visitor.page
    page.goto(f"{visitor.demo.issuer}/account/face")
    page.get_by_role("button", name="Add this browser").click()
    expect(heading(page)).to_have_text("Add this browser")
    page.get_by_role("button", name="Add this browser").click()
    expect(page.get_by_role("link", name="Remove This browser")).to_be_visible()


def begin_enrolment(visitor: Visitor) -> None:
    visitor.page.goto(f"{visitor.demo.issuer}/account/face")
    visitor.page.get_by_role("button", name="Enrol").click()
    expect(heading(visitor.page)).to_have_text("Enrol your face")


def begin_step_up(visitor: Visitor, email: str) -> None:
    """Sign in anew with the password alone, and ask for a change that takes more."""
    page = visitor.page
    page.goto(f"{visitor.demo.issuer}/account")
    page.get_by_role("button", name="Sign out").click()
    expect(heading(page)).to_have_text("You are signed out")
    sign_in_to_account(visitor, email, "/account/authenticator")
    page.get_by_role("button", name="Move to another phone").click()
    confirm_password(visitor)
    page.get_by_role("button", name="Capture my face").click()
    expect(heading(page)).to_contain_text("Capture your face")


def pose(
    visitor: Visitor, camera: FakeCamera, take: int, *, does: Callable[[Prompt], Prompt] = lambda asked: asked
) -> None:
    """Do what the page asks for, until it has all that it wants. Args: does is what is done when something is asked."""
    page, person = visitor.page, drawn("anna")
    camera.show(person(Prompt.STRAIGHT, TAKES[take]))
    page.get_by_role("button", name=re.compile("Use this camera|Try again")).click()
    for step in (1, 2, 3):
        expect(page.get_by_text(f"Step {step} of 3")).to_be_visible()
        asked = ASKED[page.locator("[data-capture-prompt]").inner_text()]
        if step > 1:
            camera.show(person(does(asked), TAKES[take]))
    expect(page.get_by_text("Step 3 of 3")).to_have_count(0)


def full_once(page: Page) -> list[str]:
    """Answer the next capture as a full lane does; return the list that it is then in."""
    turned_away: list[str] = []

    def answer(route: Route) -> None:
        turned_away.append(route.request.url)
        problem = {"status": 503, "code": "lanes.face_full", "detail": "We are handling as many as we can."}
        route.fulfill(status=503, headers={"Retry-After": "1"}, json=problem)

    page.route("**/v1/face/captures/frames", answer, times=1)
    return turned_away


@pytest.fixture
def app(tmp_path: Path) -> Callable[..., str]:
    """app(ticket, phone=…) -> what the example app says: it has pictures of everything that it may be asked for."""

    def run(ticket: str, *, phone: str = "phone", take: int = 2) -> str:
        script = ROOT / "examples" / "mobile" / "capture.py"
        files = [tmp_path / f"{prompt}.jpg" for prompt in Prompt]
        for prompt, file in zip(Prompt, files, strict=True):
            file.write_bytes(drawn("anna")(prompt, TAKES[take]))
        sent = map(str, files) if ticket.startswith("authsvc-face:") else ()
        ran = subprocess.run(
            [sys.executable, str(script), "--yes", "--key", str(tmp_path / phone), "--ticket", ticket, *sent],
            capture_output=True,
            text=True,
            timeout=PATIENCE_MS / 1000 * 4,
            check=False,
        )
        return ran.stdout + ran.stderr

    return run


def scanned(page: Page) -> str:
    """Return the ticket that a phone's camera reads from the page."""
    picture = page.locator("img.qr")
    expect(picture).to_be_visible()
    for _ in patiently():
        text = read_qr(picture.screenshot(), "authsvc-face:")
        if text:
            break
    return text


# -- the browser's own camera


def test_a_face_is_enrolled_and_recognised_in_a_browser_that_is_a_device(new_visitor: Any, camera: FakeCamera) -> None:
    visitor: Visitor = new_visitor(**WITH_CAMERA)
    page, email = visitor.page, "mirror@example.org"
    sign_up_with_password(visitor, email)
    allow_face(visitor)
    add_browser(visitor)
    assert page.evaluate(KEY_CAN_BE_READ) is False
    begin_enrolment(visitor)
    turned_away = full_once(page)
    pose(visitor, camera, 0)
    expect(heading(page)).to_have_text("Your face is enrolled")  # sent again by itself, as Retry-After asks
    assert len(turned_away) == 1
    assert not page.evaluate(CAMERA_IS_ON)
    set_up_app(visitor)

    begin_step_up(visitor, email)
    other = visitor.context.new_page()  # the same sign-in in another tab, with a ticket of its own
    flow = page.locator("[data-face]").get_attribute("data-flow")
    other.goto(f"{visitor.demo.issuer}/login?flow={flow}")
    other.get_by_role("button", name="Capture my face").click()
    expect(heading(other)).to_contain_text("Capture your face")
    page.bring_to_front()
    pose(visitor, camera, 1)
    expect(heading(page)).to_have_text("Authenticator app")  # where it was asked for, and by itself
    page.get_by_role("button", name="Move to another phone").click()
    expect(heading(page)).to_have_text("Set up an app")
    other.bring_to_front()
    expect(heading(other)).to_have_text("This page has been left behind")
    other.close()


def test_who_does_not_do_what_is_asked_is_told_so_and_can_try_again(new_visitor: Any, camera: FakeCamera) -> None:
    visitor: Visitor = new_visitor(**WITH_CAMERA)
    page = visitor.page
    sign_up_with_password(visitor, "otherway@example.org")
    allow_face(visitor)
    begin_enrolment(visitor)
    pose(visitor, camera, 0, does=lambda asked: OTHER_WAY.get(asked, asked))
    told = page.get_by_role("alert")
    expect(told).to_contain_text("A frame does not show what was asked for")
    expect(told).to_contain_text("It was at “Turn your head a little to your")
    expect(page.get_by_role("button", name="Try again")).to_be_focused()
    assert not page.evaluate(CAMERA_IS_ON)
    pose(visitor, camera, 1)
    expect(heading(page)).to_have_text("Your face is enrolled")


def test_after_a_change_of_the_network_a_face_is_enrolled_on_the_way_to_the_shop(
    new_visitor: Any, camera: FakeCamera, look: Any
) -> None:
    visitor: Visitor = new_visitor(**WITH_CAMERA)
    page, email = visitor.page, "renewed@example.org"
    sign_up_with_password(visitor, email)
    allow_face(visitor)
    begin_enrolment(visitor)
    pose(visitor, camera, 0)
    expect(heading(page)).to_have_text("Your face is enrolled")
    in_account = "WHERE account_id = (SELECT account_id FROM addresses WHERE email = ?)"
    change(visitor, f"UPDATE face_templates SET embedder = 'onnx/former' {in_account}", email)
    page.goto(f"{visitor.demo.storefront}/account")
    sign_out(visitor)
    type_password(visitor, email, hold_ms=70, gap_ms=60, seed=3)
    look(page, "Enrol your face again")
    page.get_by_role("button", name="Enrol again").click()
    expect(heading(page)).to_have_text("Enrol your face")
    expect(page.get_by_role("link", name="Go on to")).to_be_visible()
    pose(visitor, camera, 1)
    expect(page).to_have_url(f"{visitor.demo.storefront}/account")  # by itself


def test_a_camera_that_can_not_be_used_is_no_dead_end(new_visitor: Any, app: Any) -> None:
    visitor: Visitor = new_visitor()  # nobody allowed the page to use a camera
    page = visitor.page
    sign_up_with_password(visitor, "nocamera@example.org")
    allow_face(visitor)
    begin_enrolment(visitor)
    told = page.get_by_role("alert")
    page.get_by_role("button", name="Use this camera").click()
    expect(told).to_contain_text("may not use your camera")
    page.evaluate(FAILS, "NotFoundError")
    page.get_by_role("button", name="Try again").click()
    expect(told).to_contain_text("We found no camera")
    page.evaluate(FAILS, "NotReadableError")
    page.get_by_role("button", name="Try again").click()
    expect(told).to_contain_text("in use by another program")
    page.get_by_text("Use your phone instead").click()
    assert "enrolled" in app(scanned(page))
    expect(heading(page)).to_have_text("Your face is enrolled")


def test_the_camera_is_off_as_soon_as_nobody_wants_it(new_visitor: Any, camera: FakeCamera, look: Any) -> None:
    visitor: Visitor = new_visitor(**WITH_CAMERA)
    page = visitor.page
    sign_up_with_password(visitor, "shutter@example.org")
    allow_face(visitor)
    assert not page.evaluate(CAMERA_IS_ALLOWED)
    begin_enrolment(visitor)
    assert page.evaluate(CAMERA_IS_ALLOWED)
    camera.show(drawn("anna")(Prompt.STRAIGHT, TAKES[0]))
    page.get_by_role("button", name="Use this camera").press("Enter")
    expect(page.get_by_text("Step 2 of 3")).to_be_visible()
    expect(page.get_by_role("button", name="Take the picture")).to_be_focused()
    assert page.evaluate(CAMERA_IS_ON)
    look(page, "Enrol your face")
    page.get_by_role("button", name="Stop, and switch the camera off").press("Enter")
    expect(page.get_by_role("button", name="Use this camera")).to_be_focused()
    assert not page.evaluate(CAMERA_IS_ON)

    page.get_by_role("button", name="Use this camera").click()
    expect(page.get_by_text("Step 2 of 3")).to_be_visible()
    page.keyboard.press("Enter")  # who presses the button need not hold still, nor move first
    expect(page.get_by_text("Step 3 of 3")).to_be_visible()
    page.evaluate(
        "Object.defineProperty(document, 'hidden', { value: true });"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    expect(page.get_by_role("alert")).to_contain_text("We switched the camera off")
    assert not page.evaluate(CAMERA_IS_ON)


# -- hand-over to the phone


def test_a_phone_that_is_a_device_completes_what_a_browser_without_a_key_began(
    new_visitor: Any, app: Any, look: Any
) -> None:
    visitor: Visitor = new_visitor()
    page, email = visitor.page, "scanned@example.org"
    sign_up_with_password(visitor, email)
    allow_face(visitor)
    page.goto(f"{visitor.demo.issuer}/account/face")
    page.get_by_role("button", name="Add the app").click()
    assert "registered" in app(page.locator(".ticket .value").inner_text())
    expect(page.get_by_role("link", name="Remove Example phone")).to_be_visible()
    begin_enrolment(visitor)
    assert "enrolled" in app(page.locator(".ticket .value").text_content() or "")
    expect(heading(page)).to_have_text("Your face is enrolled")
    set_up_app(visitor)

    stranger: Visitor = new_visitor()
    sign_up_with_password(stranger, "stranger@example.org")
    allow_face(stranger)
    stranger.page.goto(f"{visitor.demo.issuer}/account/face")
    stranger.page.get_by_role("button", name="Add the app").click()
    assert "registered" in app(stranger.page.locator(".ticket .value").inner_text(), phone="stranger")

    begin_step_up(visitor, email)
    expect(page.get_by_text("its camera would prove nothing")).to_be_visible()
    look(page, "Capture your face")
    ticket = scanned(page)
    assert "face.device_unknown" in app(ticket, phone="stranger")
    said = app(ticket, take=3)
    assert "s•••@example.org" in said  # the app shows for whom, and in which browser, before it captures
    assert "on Linux" in said
    assert "match (counts" in said
    expect(heading(page)).to_have_text("Authenticator app")
