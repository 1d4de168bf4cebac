"""What only a real browser can tell: which headers it sends with our forms, and whether it keeps our rules."""

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from playwright.sync_api import Page, sync_playwright
from starlette.responses import HTMLResponse

from authsvc.core.errors import NotAllowed
from tests.support import demo_settings
from tests.support.edge import Edge, build_edge, running

pytestmark = pytest.mark.browser

FORM = """
<form method="post" action="/login/echo"><input name="csrf" value="{{ csrf }}"><button>Send</button></form>
<script>document.title = "inline script ran"</script>
<p id="styled" style="color: rgb(1, 2, 3)">text</p>
"""


@dataclass
class Sites:
    """authsvc, a foreign site, and what authsvc saw of each post."""

    ours: str
    foreign: str
    posts: list[tuple[str | None, str | None, bool]] = field(default_factory=list)


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = demo_settings.make_settings("sqlite://", issuer=f"http://localhost:{port}")
    folder = tmp_path_factory.mktemp("templates")
    edge = build_edge(settings, folder)
    (folder / "form.html").write_text(FORM)
    with contextlib.ExitStack() as stack:
        stack.enter_context(running(edge.app, port=port))
        sites = Sites(settings.issuer, "")
        _add_form(edge, sites)
        foreign_port = stack.enter_context(running(_foreign_site(sites.ours)))
        sites.foreign = f"http://127.0.0.1:{foreign_port}"
        yield sites


@pytest.fixture
def page(chromium: Path) -> Iterator[Page]:
    switches = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), args=switches)
        yield browser.new_page()
        browser.close()


def _add_form(edge: Edge, sites: Sites) -> None:
    @edge.app.get("/login/page")
    def page(request: Request) -> HTMLResponse:
        return edge.pages.render(request, "form.html")

    @edge.app.post("/login/echo")
    async def echo(request: Request) -> HTMLResponse:
        accepted = True
        try:
            await edge.csrf.require(request)
        except NotAllowed:
            accepted = False
        sites.posts.append((request.headers.get("origin"), request.headers.get("sec-fetch-site"), accepted))
        return HTMLResponse("done")


def _foreign_site(ours: str) -> FastAPI:
    app = FastAPI()
    form = f'<form method="post" target="_top" action="{ours}/login/echo"><button>Win</button></form>'

    @app.get("/form")
    def show() -> HTMLResponse:
        return HTMLResponse(form)

    @app.get("/sandbox")
    def sandbox() -> HTMLResponse:
        script = "<script>document.forms[0].submit()</script>"
        rights = "allow-forms allow-scripts allow-top-navigation"
        return HTMLResponse(f"<iframe sandbox='{rights}' srcdoc='{form}{script}'></iframe>")

    return app


def test_our_own_form_arrives_with_the_origin_null_and_is_taken(sites: Sites, page: Page) -> None:
    page.goto(f"{sites.ours}/login/page")
    page.click("button")
    page.wait_for_url("**/login/echo")
    assert sites.posts[-1] == ("null", "same-origin", True)


@pytest.mark.parametrize("path", ["/form", "/sandbox"])
def test_a_foreign_sites_form_is_refused(sites: Sites, page: Page, path: str) -> None:
    page.goto(f"{sites.ours}/login/page")  # the browser has its secret
    page.goto(f"{sites.foreign}{path}")
    if path == "/form":
        page.click("button")
    page.wait_for_url("**/login/echo")
    assert sites.posts[-1] == ("null" if path == "/sandbox" else sites.foreign, "cross-site", False)


def test_inline_script_and_style_do_nothing_and_the_headers_are_understood(sites: Sites, page: Page) -> None:
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.goto(f"{sites.ours}/login/page")
    assert page.title() != "inline script ran"
    assert page.locator("#styled").evaluate("element => getComputedStyle(element).color") == "rgb(0, 0, 0)"
    assert len([text for text in told if "Content Security Policy" in text]) == 2
    assert not [text for text in told if "Permissions-Policy" in text or "Cross-Origin" in text]
