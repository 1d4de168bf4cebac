"""A tiny application behind the real edge, and a real server to run it on."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog
import uvicorn
from fastapi import Depends, FastAPI, Form, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from authsvc.core.errors import AuthsvcError
from authsvc.settings import Settings
from authsvc.web.browser import browser_of
from authsvc.web.csrf import Csrf
from authsvc.web.edge import install_edge
from authsvc.web.origin import OriginReader, origin_of
from authsvc.web.pages import Pages

PROBLEM = (
    "<title>{{ title }}</title><p>{{ detail }}</p>{{ code }} {{ problem_status }} {{ request_id }} {{ csrf }}"
    "{% if retry_after_s %} wait {{ retry_after_s }}{% endif %}"
)
PAGE = '<script type="module" src="{{ static("page.js") }}"></script><p>{{ name }}</p><i>{{ csrf }}</i>'


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid")

    amount_minor: int
    note: str = ""


@dataclass
class Edge:
    """The application and the parts that a test may want to ask."""

    app: FastAPI
    csrf: Csrf
    pages: Pages
    raised: Exception | None = None

    def client(self, **headers: str) -> TestClient:
        # https, so that the client keeps Secure cookies; the port makes it the issuer's host.
        return TestClient(self.app, base_url="https://localhost:8000", headers=headers, follow_redirects=False)


def build_edge(settings: Settings, folder: Path) -> Edge:
    """Return an application with one route of each kind. Its templates are written to `folder`."""
    # By default structlog draws tracebacks with every local variable, which takes seconds.
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])
    folder.mkdir(exist_ok=True)
    (folder / "problem.html").write_text(PROBLEM)
    (folder / "page.html").write_text(PAGE)
    (folder / "undefined.html").write_text("{{ nobody_gave_this }}")
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    csrf = Csrf(bytes(range(32)), settings.issuer)
    pages = Pages(settings, csrf, templates=folder)
    edge = Edge(app, csrf, pages)
    install_edge(app, settings, csrf, pages, OriginReader(settings.trusted_proxies))
    _add_pages(edge)
    _add_api(edge)
    return edge


def _add_pages(edge: Edge) -> None:
    app, csrf, pages = edge.app, edge.csrf, edge.pages

    @app.get("/login")
    def login(request: Request) -> Response:
        return pages.render(request, "page.html", name="<b>", form_action=["http://127.0.0.1:8001"])

    @app.get("/login/token")
    def token(request: Request) -> dict[str, str]:
        return {"csrf": csrf.token(browser_of(request)), "browser": browser_of(request)}

    @app.get("/login/undefined")
    def undefined(request: Request) -> Response:
        return pages.render(request, "undefined.html")

    @app.post("/login/form", dependencies=[Depends(csrf.require)])
    def form(name: str = Form(), note: str = Form("")) -> dict[str, str]:
        return {"name": name, "note": note}

    @app.api_route("/login/raw", methods=["POST", "PUT", "PATCH", "DELETE"], dependencies=[Depends(csrf.require)])
    async def raw(request: Request) -> dict[str, list[str]]:
        return {"fields": sorted(await request.form())}

    @app.post("/login/json", dependencies=[Depends(csrf.require)])
    def json_body(order: Order) -> dict[str, int]:
        return {"amount_minor": order.amount_minor}

    @app.get("/not-me/{token}")
    def not_me(token: str) -> HTMLResponse:
        return HTMLResponse("<p>ok</p>", headers={"cache-control": "public, max-age=60"})

    @app.get("/public")
    def public() -> HTMLResponse:
        return HTMLResponse("<p>ok</p>")

    @app.get("/raise")
    @app.get("/v1/raise")
    def fail() -> None:
        assert edge.raised is not None
        raise edge.raised

    @app.get("/half")
    def half() -> StreamingResponse:
        def pieces() -> Iterator[bytes]:
            yield b"one"
            raise RuntimeError("hunter2")

        return StreamingResponse(pieces())


def _add_api(edge: Edge) -> None:
    app = edge.app

    @app.post("/v1/orders")
    def order(order: Order) -> dict[str, int]:
        return {"amount_minor": order.amount_minor}

    @app.get("/v1/orders/{order_id}")
    def find(order_id: int) -> dict[str, int]:
        return {"order_id": order_id}

    @app.get("/v1/origin")
    def origin(request: Request) -> dict[str, str]:
        found = origin_of(request)
        return {"address": found.address, "request_id": found.request_id, "key": found.source}

    @app.post("/v1/swallow")
    @app.post("/v1/face/captures/frames")
    async def swallow(request: Request) -> dict[str, int]:
        received = 0
        async for chunk in request.stream():
            received += len(chunk)
        return {"received": received}

    @app.post("/v1/stubborn")
    async def stubborn(request: Request) -> dict[str, str]:
        with contextlib.suppress(AuthsvcError):
            await request.body()
        return {"status": "read it anyway"}

    @app.get("/oauth2/jwks")
    def jwks() -> Response:
        return Response("{}", media_type="application/json", headers={"cache-control": "public, max-age=300"})

    @app.get("/oauth2/userinfo")
    def userinfo() -> Response:
        return Response("{}", media_type="application/json", headers={"cache-control": "public, max-age=300"})


@contextlib.contextmanager
def running(app: ASGIApp, *, port: int = 0) -> Iterator[int]:
    """Run the application on a real server in a thread, on a free port if none is given; yields the port."""
    listener = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(app, log_config=None, access_log=False, proxy_headers=False, server_header=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
