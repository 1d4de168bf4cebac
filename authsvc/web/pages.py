"""Pages for people: Jinja2 templates under web/templates/ROOM/NAME.html, and the policy they run under.

Every page has a Content-Security-Policy that allows no inline script or style, nothing from elsewhere, no frame around
it. Its forms post to authsvc; `form_action` adds the origin of a flow's validated redirect URI, because Chromium holds
the redirects after a post to the same rule. Values are escaped; an undefined name is an error, not an empty string.

Every template knows:
    csrf             the token its forms carry in a field `csrf`; empty where no browser secret is read
    service_name     what customers call this service          support_contact  where to turn, may be empty
    static(path)     the address of a file in web/static        request_id      to quote when something failed
    demo             whether this is the demo
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from authsvc.settings import Settings
from authsvc.web.csrf import Csrf
from authsvc.web.origin import origin_of
from authsvc.web.static import StaticAssets

TEMPLATES = Path(__file__).parent / "templates"

# A client hint that browsers may then send along: risk compares the round-trip time with the account's usual one.
ASKS_FOR = "RTT"
# A web origin, or the private scheme of a mobile app (RFC 8252, 7.1), written as CSP wants it: `com.shop.app:`.
_FORM_ACTION = re.compile(
    r"https?://[A-Za-z0-9._\-]+(:\d{1,5})?|https?://\[[0-9a-f:]+\](:\d{1,5})?|[a-z][a-z0-9+.\-]*:"
)


class Pages:
    """Renders templates."""

    def __init__(self, settings: Settings, csrf: Csrf, *, templates: Path = TEMPLATES) -> None:
        self.static = StaticAssets()
        self.csrf = csrf
        # Templates are plain HTML for browsers, whatever their name: everything is escaped.
        self._environment = Environment(
            loader=FileSystemLoader(templates),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals.update(
            service_name=settings.service_name,
            support_contact=settings.support_contact,
            demo=settings.demo,
            static=self.static.url,
        )

    def render(
        self,
        request: Request,
        template: str,
        *,
        status: int = 200,
        form_action: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
        **context: Any,
    ) -> HTMLResponse:
        """Return the page `template` (such as `login/sign_in.html`).

        Args:
            form_action: origins that a form may end at, beside authsvc itself.
            context: what this template wants to know, beside what each of them knows.
        """
        browser: str | None = request.scope.get("state", {}).get("browser")
        text = self._environment.get_template(template).render(
            **context,
            csrf=self.csrf.token(browser) if browser else "",
            request_id=origin_of(request).request_id,
        )
        page = HTMLResponse(text, status_code=status, headers=dict(headers or {}))
        page.headers["content-security-policy"] = content_security_policy(form_action)
        page.headers["accept-ch"] = ASKS_FOR
        return page


def content_security_policy(form_action: Sequence[str] = ()) -> str:
    """Return the policy of a page whose forms may end at authsvc or at these origins.

    Raises:
        ValueError: one of them is not an origin; it could add rules of its own to the policy.
    """
    for origin in form_action:
        if not _FORM_ACTION.fullmatch(origin):
            raise ValueError("form_action takes origins only")
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            " ".join(("form-action 'self'", *dict.fromkeys(form_action))),
            "require-trusted-types-for 'script'",
        )
    )
