"""What is malformed, stale or somebody else's gets its documented refusal, leaves evidence, and changes nothing else.

Each test brings a browser to one page of the running service and then sends an endpoint of it one bad request after
another. After each: the status, the stable code in the evidence, and every row of every other table as it was.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import select

from authsvc.cli.soft_authenticator import encoded
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database, metadata
from authsvc.settings import Settings
from tests.support.browser_client import SAME_ORIGIN, BrowserClient
from tests.support.clocks import SettableClock
from tests.support.running import PASSWORD, Running, running

EMAIL = "ada@example.org"
STRANGER = "eve@example.org"
MANY = "1000000 per 1 minute"
NO_SUCH_FLOW = "flow_AAAAAAAAAAAAAAAAAAAAAA"
FORM = "application/x-www-form-urlencoded"
USED = "request_uri=urn:ietf:params:oauth:request_uri:x"
DEEP = "[" * 20_000 + "]" * 20_000


@pytest.fixture
def service(database: Database, clock: SettableClock, make_settings: Callable[..., Settings]) -> Iterator[Running]:
    """authsvc on both databases, with room for a test that sends as much as an attack."""
    url = database.url.render_as_string(hide_password=False)
    limits = dict.fromkeys(make_settings().limits.rules(), MANY)
    started = running(make_settings(database={"url": url}, limits=limits), clock)
    started.services.signing_keys.current()  # made at start
    yield started
    started.services.close()


@dataclass(frozen=True)
class Bad:
    """A request, and how it is refused. Nobody records a code of None: the status says all."""

    what: str
    send: Callable[[], httpx.Response]
    status: int
    code: str | None


def refuse(service: Running, cases: list[Bad]) -> None:
    """Send each request and look at the answer, the evidence and the database."""
    wrong = []
    for case in cases:
        rows, seen = content(service), len(service.events())
        answer = case.send()
        new = service.events()[seen:]
        codes = {event.facts.get("code") or event.facts.get("error") or event.facts.get("reason") for event in new}
        if answer.status_code != case.status or (case.code and case.code not in codes):
            wrong.append(f"{case.what}: {answer.status_code} {sorted(map(str, codes))}, not {case.status} {case.code}")
        if changed := [name for name, after in content(service).items() if after != rows[name]]:
            wrong.append(f"{case.what}: changed {changed}")
    assert not wrong, "\n".join(wrong)


def content(service: Running) -> dict[str, list[Any]]:
    """Return all rows of all tables but the events and the keys that their personal parts are sealed with."""
    with service.services.database.read() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table))))
            for table in metadata.sorted_tables
            if table is not audit_events and table.name != "personal_keys"
        }


# -- pages to begin with


def at_sign_in(service: Running) -> BrowserClient:
    browser = service.browser()
    service.shop().begin(browser)
    return browser


def at_create(service: Running) -> BrowserClient:
    browser = at_sign_in(service)
    browser.open(f"/login/create?flow={browser.flow}")
    return browser


def at_code(service: Running) -> BrowserClient:
    browser = at_create(service)
    browser.submit("/login/create", name="Eve", email=STRANGER)
    return browser


def at_credential(service: Running) -> BrowserClient:
    browser = at_code(service)
    browser.submit("/login/code", code=service.code_for(STRANGER))
    return browser


def at_reset(service: Running) -> BrowserClient:
    service.sign_up(service.browser(), EMAIL)
    browser = at_sign_in(service)
    browser.open(f"/login/reset?flow={browser.flow}")
    return browser


def at_reset_code(service: Running) -> BrowserClient:
    browser = at_reset(service)
    browser.submit("/login/reset", email=EMAIL)
    return browser


def at_new_password(service: Running) -> BrowserClient:
    browser = at_reset_code(service)
    browser.submit("/login/reset/code", code=service.code_for(EMAIL))
    return browser


def at_step_up(service: Running) -> BrowserClient:
    service.sign_up(service.browser(), EMAIL)
    service.clock.advance(days=1)
    browser = service.browser()
    service.shop().begin(browser, acr_values="urn:authsvc:acr:pwd_email")
    browser.submit("/login/password", email=EMAIL, password=PASSWORD)
    return browser


# -- bad requests of every kind


def form(browser: BrowserClient, path: str, fields: dict[str, str], **request: Any) -> Callable[[], httpx.Response]:
    token = browser._parsed().meta_csrf or next(
        each["fields"]["csrf"] for each in browser._parsed().forms if "csrf" in each["fields"]
    )
    sent = {"data": {"csrf": token, **fields}, "headers": SAME_ORIGIN} | request
    return lambda: browser.http.post(path, **sent)


def raw(browser: BrowserClient, path: str, body: bytes, kind: str, **headers: str) -> Callable[[], httpx.Response]:
    token = browser._parsed().meta_csrf or next(
        each["fields"]["csrf"] for each in browser._parsed().forms if "csrf" in each["fields"]
    )
    sent = {**SAME_ORIGIN, "X-CSRF-Token": token, "Content-Type": kind, **headers}
    return lambda: browser.http.post(path, content=body, headers=sent)


def multipart(fields: dict[str, bytes], charset: str) -> tuple[bytes, str]:
    parts = [
        b'--x\r\nContent-Disposition: form-data; name="' + name.encode() + b'"\r\n\r\n' + value + b"\r\n"
        for name, value in fields.items()
    ]
    return b"".join(parts) + b"--x--\r\n", f"multipart/form-data; boundary=x; charset={charset}"


def any_form(browser: BrowserClient, path: str, **fields: str) -> list[Bad]:
    """What every form refuses, whatever it is for."""
    flow = {"flow": fields["flow"]} if "flow" in fields else {}
    foreign = {**fields, "csrf": "nonsense"}
    surrogate, kind = multipart(dict.fromkeys(fields, b"+2AA-"), "utf-7")
    return [
        Bad("no token", form(browser, path, foreign), 403, "csrf.refused"),
        Bad(
            "from elsewhere",
            form(browser, path, fields, headers={"Origin": "https://evil.example"}),
            403,
            "csrf.refused",
        ),
        Bad("nothing in it", form(browser, path, {}), 400, "request.invalid"),
        Bad("JSON", raw(browser, path, json.dumps(fields).encode(), "application/json"), 400, "request.invalid"),
        Bad("broken multipart", raw(browser, path, b"--", "multipart/form-data"), 400, "request.invalid"),
        Bad("too large", form(browser, path, {**fields, "more": "x" * 70_000}), 413, "request.too_large"),
        Bad("lone surrogates", raw(browser, path, surrogate, kind), 400, "request.invalid"),
        Bad("twice", form(browser, path, {**fields, "csrf": ["a", "b"]}), 403, "csrf.refused"),
        *(
            [Bad("only a flow", form(browser, path, flow), 400, "request.invalid")]
            if len(fields) > len(flow) > 0
            else []
        ),
    ]


def any_flow(
    service: Running, send: Callable[[BrowserClient, str], Callable[[], httpx.Response]], browser: BrowserClient
) -> list[Bad]:
    """What a step answers when the flow is not this browser's, or no more."""
    foreign, over = at_sign_in(service).flow, at_sign_in(service).flow
    with service.services.database.write() as connection:
        flows = metadata.tables["flows"]
        connection.execute(flows.update().where(flows.c.id == over).values(expires_at=service.clock.now()))
    return [
        Bad("a foreign flow", send(browser, foreign), 403, "flow.foreign_browser"),
        Bad("an expired flow", send(browser, over), 410, "flow.expired"),
        Bad("no such flow", send(browser, NO_SUCH_FLOW), 410, "flow.expired"),
        Bad("a flow with NUL", send(browser, "flow_\x00AAAA"), 410, "flow.expired"),
        Bad("a flow that is text", send(browser, "\u202e' OR 1=1 --"), 410, "flow.expired"),
    ]


FORMS = {
    "/login/password": (at_sign_in, {"email": EMAIL, "password": PASSWORD}),
    "/login/create": (at_create, {"name": "Eve", "email": STRANGER}),
    "/login/unlock": (at_sign_in, {"email": EMAIL}),
    "/login/code": (at_code, {"code": "00000000"}),
    "/login/code/resend": (at_code, {}),
    "/login/back": (at_code, {}),
    "/login/cancel": (at_sign_in, {}),
    "/login/credential/password": (at_credential, {"password": PASSWORD}),
    "/login/reset": (at_reset, {"email": EMAIL}),
    "/login/reset/code": (at_reset_code, {"code": "00000000"}),
    "/login/reset/resend": (at_reset_code, {}),
    "/login/reset/password": (at_new_password, {"password": PASSWORD}),
    "/login/step-up/email": (at_step_up, {}),
    "/login/step-up/face": (at_step_up, {}),
}


@pytest.mark.parametrize("path", FORMS)
def test_forms_of_a_flow(service: Running, path: str) -> None:
    begin, fields = FORMS[path]
    browser = begin(service)
    cases = any_form(browser, path, flow=browser.flow, **fields)
    cases += any_flow(service, lambda who, flow: form(who, path, {"flow": flow, **fields}), browser)
    refuse(service, cases)


@pytest.mark.parametrize("path", ["/login", "/login/create", "/login/reset", "/login/face/status"])
def test_pages_of_a_flow(service: Running, path: str) -> None:
    browser = at_sign_in(service)
    refuse(service, any_flow(service, lambda who, flow: lambda: who.http.get(path, params={"flow": flow}), browser))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"email": "nobody"}, "account.address_invalid"),
        ({"email": "a@b\r\nBcc: all@example.org"}, "account.address_invalid"),
        ({"email": "a\x00@example.org"}, "account.address_invalid"),
        ({"email": "a" * 300 + "@example.org"}, "account.address_invalid"),
        ({"password": "x" * 1025}, "password.unusable"),
        ({"typing": "not json"}, "typing.malformed"),
        ({"typing": "[" * 5000}, "typing.malformed"),
        (
            {"typing": json.dumps({"field": "password", "input": "keyboard", "events": [[0, 10**400]]})},
            "typing.malformed",
        ),
        ({"typing": '{"field":"password","input":"keyboard","events":[[0,' + "9" * 5000 + "]]}"}, "typing.malformed"),
        ({"typing": '{"field":"password","input":"keyboard","events":[[NaN,1]]}'}, "typing.malformed"),
        ({"typing": '{"field":"password","input":"keyboard","events":[[0,Infinity]]}'}, "typing.malformed"),
        ({"typing": '{"field":"password","input":"keyboard","events":[[0,1e999]]}'}, "typing.malformed"),
        ({"typing": '{"field":"\\u0000","input":"\\ud800","events":[]}'}, "typing.malformed"),
    ],
)
def test_what_is_typed_at_sign_in(service: Running, fields: dict[str, str], code: str) -> None:
    browser = at_sign_in(service)
    typed = {"flow": browser.flow, "email": EMAIL, "password": PASSWORD} | fields
    refuse(service, [Bad(str(fields)[:60], form(browser, "/login/password", typed), 400, code)])


@pytest.mark.parametrize(
    ("path", "begin", "fields", "code"),
    [
        ("/login/create", at_create, {"name": "", "email": STRANGER}, "request.invalid"),
        ("/login/create", at_create, {"name": " ", "email": STRANGER}, "account.name_invalid"),
        ("/login/create", at_create, {"name": "a\x00b", "email": STRANGER}, "account.name_invalid"),
        ("/login/create", at_create, {"name": "\u202eevil", "email": STRANGER}, "account.name_invalid"),
        ("/login/create", at_create, {"name": "n" * 101, "email": STRANGER}, "account.name_invalid"),
        ("/login/create", at_create, {"name": "Eve", "email": "eve@"}, "account.address_invalid"),
        ("/login/unlock", at_sign_in, {"email": "eve@"}, "account.address_invalid"),
        ("/login/credential/password", at_credential, {"password": "short"}, "password.too_short"),
        ("/login/credential/password", at_credential, {"password": "x" * 2000}, "password.too_long"),
        ("/login/credential/password", at_credential, {"password": STRANGER}, "password.own_words"),
        ("/login/credential/password", at_credential, {"password": "a\x00" * 20}, "password.unusable"),
        ("/login/reset", at_reset, {"email": "eve@"}, "account.address_invalid"),
        ("/login/reset", at_reset, {"email": "a\x00@example.org"}, "account.address_invalid"),
        ("/login/reset/password", at_new_password, {"password": "short"}, "password.too_short"),
        ("/login/reset/password", at_new_password, {"password": "x" * 2000}, "password.too_long"),
        ("/login/reset/password", at_new_password, {"password": "a\x00" * 20}, "password.unusable"),
        ("/login/reset/password", at_new_password, {"password": "passwordpassword"}, "password.guessable"),
        ("/login/reset/password", at_new_password, {"password": EMAIL}, "password.own_words"),
    ],
)
def test_what_is_typed_elsewhere(service: Running, path: str, begin: Any, fields: dict[str, str], code: str) -> None:
    browser = begin(service)
    refuse(service, [Bad(str(fields)[:60], form(browser, path, {"flow": browser.flow, **fields}), 400, code)])


def test_steps_that_are_not_the_flows_current_one_lead_to_its_page(service: Running) -> None:
    browser = at_sign_in(service)
    flow = browser.flow
    for path, fields in (
        ("/login/code", {"code": "00000000"}),
        ("/login/code/resend", {}),
        ("/login/back", {}),
        ("/login/credential/password", {"password": PASSWORD}),
        ("/login/reset/code", {"code": "00000000"}),
        ("/login/reset/resend", {}),
        ("/login/reset/password", {"password": PASSWORD}),
        ("/login/step-up/email", {}),
    ):
        before = content(service)
        answer = form(browser, path, {"flow": flow, **fields})()
        assert (path, answer.status_code, answer.headers["location"]) == (path, 303, f"/login?flow={flow}")
        assert content(service) == before
    refuse(
        service,
        [
            Bad("face", form(browser, "/login/step-up/face", {"flow": flow}), 403, "login.first_factor_missing"),
            Bad("create", json_post(browser, "/login/passkey/create/options", {"flow": flow}), 409, "flow.out_of_step"),
            Bad(
                "unfinished", lambda: browser.http.get(f"/oauth2/authorize/resume?flow={flow}"), 409, "flow.out_of_step"
            ),
        ],
    )


@pytest.mark.parametrize("token", ["", "x", "\x00", "\u202e", "A" * 43, "A" * 128])
def test_links_that_nobody_was_sent(service: Running, token: str) -> None:
    browser = at_reset_code(service)
    send = partial(browser.http.get, "/login/link", params={"token": token})
    refuse(service, [Bad(repr(token), send, 410, "link.spent")])


# -- passkeys


def json_post(browser: BrowserClient, path: str, body: Any) -> Callable[[], httpx.Response]:
    return raw(browser, path, json.dumps(body).encode(), "application/json")


def any_json(browser: BrowserClient, path: str, body: dict[str, Any]) -> list[Bad]:
    """What every endpoint for scripts refuses."""
    whole = json.dumps(body).encode()

    def sent(content: bytes, kind: str = "application/json") -> Callable[[], httpx.Response]:
        return raw(browser, path, content, kind)

    return [
        Bad("no token", raw(browser, path, whole, "application/json", **{"X-CSRF-Token": "x"}), 403, "csrf.refused"),
        Bad("not JSON", sent(b"{"), 400, "request.malformed_json"),
        Bad("invalid UTF-8", sent(b'{"flow": "\xff"}'), 400, "request.malformed_json"),
        Bad("nested too deep", sent(DEEP.encode()), 400, "request.malformed_json"),
        Bad("a list", sent(b"[]"), 400, "request.invalid"),
        Bad("nothing", sent(b""), 400, "request.invalid"),
        Bad("a lone surrogate", sent(b'{"flow": "\\ud800"}'), 400, "request.invalid"),
        Bad("a number of 5,000 digits", sent(b'{"flow": ' + b"9" * 5000 + b"}"), 400, "request.malformed_json"),
        Bad("one field more", sent(json.dumps({**body, "more": 1}).encode()), 400, "request.invalid"),
        Bad("a form", sent(b"flow=x", FORM), 400, "request.invalid"),
        Bad("plain text", sent(whole, "text/plain"), 400, "request.invalid"),
        Bad("too large", sent(b" " * 70_000), 413, "request.too_large"),
    ]


JSON_PATHS = {
    "/login/passkey/options": (at_sign_in, {}),
    "/login/passkey/verify": (at_sign_in, {"credential": {}}),
    "/login/passkey/create/options": (at_credential, {}),
    "/login/passkey/create/verify": (at_credential, {"credential": {}}),
}


@pytest.mark.parametrize("path", JSON_PATHS)
def test_scripts(service: Running, path: str) -> None:
    begin, fields = JSON_PATHS[path]
    browser = begin(service)
    cases = any_json(browser, path, {"flow": browser.flow, **fields})
    cases += any_flow(service, lambda who, flow: json_post(who, path, {"flow": flow, **fields}), browser)
    refuse(service, cases)


def client_data(value: Any) -> dict[str, Any]:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {"clientDataJSON": encoded(text)}}


GARBAGE: list[Any] = [
    {},
    {"id": "AAAA"},
    {"response": []},
    {"response": {"clientDataJSON": 1}},
    {"response": {"clientDataJSON": "\ud800"}},
    {"response": {"clientDataJSON": "A"}},
    client_data(b"\xff\xfe"),
    client_data(b"[" * 10_000),
    client_data(b'{"challenge": ' + b"9" * 5000 + b"}"),
    client_data([]),
    client_data({"challenge": 1}),
    client_data({"challenge": "A"}),
    client_data({"challenge": "\ud800"}),
    client_data({"challenge": "\u00e9"}),
    client_data({"challenge": "\x00"}),
    client_data({"challenge": ""}),
    client_data({"challenge": "A" * 10_000}),
    {"deep": json.loads("[" * 400 + "]" * 400), **client_data({"challenge": encoded(b"x" * 32)})},
]


@pytest.mark.parametrize("path", ["/login/passkey/verify", "/login/passkey/create/verify"])
def test_credentials_that_are_none(service: Running, path: str) -> None:
    browser = JSON_PATHS[path][0](service)
    refuse(
        service,
        [
            Bad(
                str(each)[:80],
                json_post(browser, path, {"flow": browser.flow, "credential": each}),
                400,
                "passkey.refused",
            )
            for each in GARBAGE
        ],
    )


BENT: dict[str, Any] = {
    "no signature": ("signature", None),
    "a signature of garbage": ("signature", "A"),
    "authenticator data cut off": ("authenticatorData", "AAAA"),
    "a user handle that is no text": ("userHandle", 5),
    "a user handle of garbage": ("userHandle", "\ud800"),
}


@pytest.mark.parametrize("name", BENT)
def test_credentials_that_are_nearly_one(service: Running, name: str) -> None:
    authenticator = service.sign_up_with_passkey(service.browser(), EMAIL)
    browser = at_sign_in(service)
    options = browser.post_json("/login/passkey/options", {"flow": browser.flow}).json()["publicKey"]
    credential = authenticator.get(options)
    field, value = BENT[name]
    credential["response"][field] = value
    before = len(service.events("login:sign_in:completed"))
    body = {"flow": browser.flow, "credential": credential}
    answer = json_post(browser, "/login/passkey/verify", body)()
    assert (answer.status_code, answer.json()["code"]) == (400, "passkey.refused")
    assert service.tags()[-2:] == ["passkey:ceremony:refused", "web:request:refused"]
    assert len(service.events("login:sign_in:completed")) == before
    refuse(service, [Bad("again", json_post(browser, "/login/passkey/verify", body), 400, "passkey.challenge_spent")])


def test_an_expired_or_foreign_challenge(service: Running) -> None:
    authenticator = service.sign_up_with_passkey(service.browser(), EMAIL)
    browser, other = at_sign_in(service), at_sign_in(service)
    theirs = other.post_json("/login/passkey/options", {"flow": other.flow}).json()["publicKey"]
    old = browser.post_json("/login/passkey/options", {"flow": browser.flow}).json()["publicKey"]
    service.clock.advance(minutes=5)

    def answered(options: dict[str, Any]) -> Callable[[], httpx.Response]:
        body = {"flow": browser.flow, "credential": authenticator.get(options)}
        return json_post(browser, "/login/passkey/verify", body)

    refuse(
        service,
        [
            Bad("expired", answered(old), 400, "passkey.challenge_spent"),
            Bad("another flow's", answered(theirs), 400, "passkey.challenge_spent"),
        ],
    )


# -- links, account, console


@pytest.mark.parametrize(("path", "code"), [("/enrol", "invitation.spent"), ("/not-me", "alert.spent")])
def test_links(service: Running, path: str, code: str) -> None:
    browser = at_sign_in(service)
    tokens = ["", "x", "\x00", "A" * 128, "\u00e9"]
    cases = [Bad(f"GET {each!r}", getter(browser, path, token=each), 410, code) for each in tokens]
    cases += [Bad(f"POST {each!r}", form(browser, path, {"token": each}), 410, code) for each in tokens[1:]]
    cases += [Bad("overlong", getter(browser, path, token="A" * 129), 400, "request.invalid")]
    refuse(service, cases + any_form(browser, path, token="x"))


def getter(browser: BrowserClient, path: str, **query: str) -> Callable[[], httpx.Response]:
    return lambda: browser.http.get(path, params=query)


def test_the_account_page_of_nobody(service: Running) -> None:
    browser = at_sign_in(service)
    fields = {"purpose": "face", "action": "give"}
    refuse(
        service,
        [
            *any_form(browser, "/account/consents", **fields),
            Bad("consent", form(browser, "/account/consents", fields), 401, "account.not_signed_in"),
            Bad("purpose", form(browser, "/account/consents", {**fields, "purpose": "all"}), 400, "request.invalid"),
            Bad("action", form(browser, "/account/consents", {**fields, "action": "\x00"}), 400, "request.invalid"),
            Bad("face", form(browser, "/account/face", {}), 401, "account.not_signed_in"),
            Bad("device", form(browser, "/account/face/devices", {"kind": "app"}), 401, "account.not_signed_in"),
            Bad("device", form(browser, "/account/face/devices", {"kind": "fridge"}), 400, "request.invalid"),
            Bad("device", form(browser, "/account/face/devices/remove", {"device": "x"}), 401, "account.not_signed_in"),
            Bad("no token", form(browser, "/account/face", {"csrf": "x"}), 403, "csrf.refused"),
            Bad("no token", form(browser, "/account/sign-out", {"csrf": "x"}), 403, "csrf.refused"),
            Bad("no token", form(browser, "/console/sign-out", {"csrf": "x"}), 403, "csrf.refused"),
        ],
    )


def test_a_face_capture_of_nobody(service: Running) -> None:
    http = service.browser().http
    bearer = {"Authorization": "Bearer nonsense"}

    def captured(**request: Any) -> Callable[[], httpx.Response]:
        return lambda: http.post("/v1/face/captures/frames", **request)

    def begun(path: str = "/v1/face/captures", **request: Any) -> Callable[[], httpx.Response]:
        return lambda: http.post(path, **request)

    key = {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}
    device = {"nonce": "A" * 43, "name": "x", "public_key": key, "signature": "A" * 86}
    devices = "/v1/face/devices"

    files = {"frames": ("f.jpg", b"x", "image/jpeg")}
    refuse(
        service,
        [
            Bad("no ticket", captured(files=files), 401, "face.no_ticket"),
            Bad("another scheme", captured(files=files, headers={"Authorization": "Basic x"}), 401, "face.no_ticket"),
            Bad("no such ticket", captured(files=files, headers=bearer), 404, "face.ticket_unknown"),
            Bad("JSON", captured(json={}, headers=bearer), 404, "face.ticket_unknown"),
            Bad("too large", captured(content=b"x", headers={"Content-Length": "99999999"}), 413, "request.too_large"),
            Bad("begin", begun(json={}), 401, "face.no_ticket"),
            Bad("begin, no such ticket", begun(json={}, headers=bearer), 404, "face.ticket_unknown"),
            Bad("begin with more", begun(json={"vector": [0.1]}, headers=bearer), 400, "request.invalid"),
            Bad("begin with a number", begun(json={"device": 7}, headers=bearer), 400, "request.invalid"),
            Bad("begin with little", begun(content=b"{", headers=bearer), 400, "request.invalid"),
            Bad("begin too large", begun(content=b"x" * 70_000, headers=bearer), 413, "request.too_large"),
            Bad("device", begun(devices, json=device), 401, "face.no_ticket"),
            Bad("device, no such ticket", begun(devices, json=device, headers=bearer), 404, "face.ticket_unknown"),
            Bad(
                "device, private key",
                begun(devices, json=device | {"public_key": key | {"d": "A"}}, headers=bearer),
                400,
                "request.invalid",
            ),
            Bad(
                "device with more",
                begun(devices, json=device | {"template": "x"}, headers=bearer),
                400,
                "request.invalid",
            ),
        ],
    )


# -- the provider


def test_authorization_requests(service: Running) -> None:
    shop, browser = service.shop(), service.browser()
    good = httpx.QueryParams(shop.parameters())

    def asked(query: Any) -> Callable[[], httpx.Response]:
        return lambda: browser.http.get(f"/oauth2/authorize?{query}")

    def posted(content: bytes, kind: str = FORM) -> Callable[[], httpx.Response]:
        return lambda: browser.http.post("/oauth2/authorize", content=content, headers={"Content-Type": kind})

    refuse(
        service,
        [
            Bad("nothing", asked(""), 400, "oidc.unknown_client"),
            Bad("another client", asked(good.set("client_id", "\x00")), 400, "oidc.malformed_parameters"),
            Bad("no such client", asked(good.set("client_id", "cli_x")), 400, "oidc.unknown_client"),
            Bad("scope twice", asked(good.add("scope", "openid")), 400, "oidc.duplicate_parameter"),
            Bad("unknown twice", asked(f"{good}&x=1&x=1"), 400, "oidc.duplicate_parameter"),
            Bad("invalid UTF-8", asked(f"{good}&x=%ff"), 400, "oidc.malformed_parameters"),
            Bad("a surrogate", asked(f"{good}&x=%ed%a0%80"), 400, "oidc.malformed_parameters"),
            Bad("200 parameters", asked("&".join(f"p{i}=1" for i in range(200))), 400, "oidc.malformed_parameters"),
            Bad(
                "an unregistered address",
                asked(good.set("redirect_uri", "https://evil.example/")),
                400,
                "oidc.redirect_uri_not_registered",
            ),
            Bad("a used request", asked(f"client_id={shop.client_id}&{USED}"), 400, "oidc.request_expired"),
            Bad("JSON", posted(b"{}", "application/json"), 400, "oidc.malformed_parameters"),
            Bad("bytes", posted(b"\xff"), 400, "oidc.malformed_parameters"),
            Bad("too large", posted(b"x" * 70_000), 413, "request.too_large"),
            Bad("no flow", lambda: browser.http.get("/oauth2/authorize/resume"), 400, "request.invalid"),
            Bad("no such flow", asked_to_resume(browser, NO_SUCH_FLOW), 410, "flow.expired"),
            Bad("a flow with NUL", asked_to_resume(browser, "flow_%00"), 410, "flow.expired"),
            Bad("a foreign flow", asked_to_resume(browser, at_sign_in(service).flow), 403, "flow.foreign_browser"),
        ],
    )


def asked_to_resume(browser: BrowserClient, flow: str) -> Callable[[], httpx.Response]:
    return lambda: browser.http.get(f"/oauth2/authorize/resume?flow={flow}")


def test_token_requests(service: Running) -> None:
    shop = service.shop()
    basic = (shop.client_id, shop.secret)

    def sent(body: Any, auth: Any = basic, kind: str = FORM) -> Callable[[], httpx.Response]:
        return lambda: shop.http.post("/oauth2/token", content=body, auth=auth, headers={"Content-Type": kind})

    grant = "grant_type=authorization_code&redirect_uri=https://shop.example/callback&code_verifier=" + "v" * 43
    refuse(
        service,
        [
            Bad("nothing", sent(""), 400, None),
            Bad("JSON", sent("{}", kind="application/json"), 400, None),
            Bad("bytes", sent(b"\xff"), 400, None),
            Bad("no such grant", sent("grant_type=password"), 400, "unsupported_grant_type"),
            Bad("no such code", sent(f"{grant}&code=x"), 400, "invalid_grant"),
            Bad("code twice", sent(f"{grant}&code=x&code=x"), 400, None),
            Bad("a code with NUL", sent(f"{grant}&code=%00"), 400, None),
            Bad("nobody", sent(f"{grant}&code=x", auth=None), 401, "invalid_client"),
            Bad("a wrong secret", sent(f"{grant}&code=x", auth=(shop.client_id, "x")), 401, "invalid_client"),
            Bad("no such token", sent("grant_type=refresh_token&refresh_token=x"), 400, "invalid_grant"),
            Bad("too large", sent("x" * 70_000), 413, "request.too_large"),
        ],
    )
    bearers = ["", "Bearer", "Bearer x", "Bearer a.b.c", "Basic x", "Bearer " + "A" * 8000]
    for value in bearers:
        answer = shop.http.get("/oauth2/userinfo", headers={"Authorization": value})
        assert answer.status_code in (400, 401), (value, answer.status_code)
