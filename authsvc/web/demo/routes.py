"""What is at "/", and the demo's stand-in for e-mail.

The mailbox shows everybody's mail to whoever opens it. It exists in demo mode only, which only runs on localhost.
"""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from authsvc.core.mail import MailboxNotifier
from authsvc.web.pages import Pages


def build_home_router(pages: Pages) -> APIRouter:
    """Return the plain page that says what this host is for."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def home(request: Request) -> Response:
        return pages.render(request, "home.html")

    return router


def build_demo_router(pages: Pages, mailbox: MailboxNotifier, *, issuer: str, storefront_url: str) -> APIRouter:
    """Return the demo's home page and mailbox."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def home(request: Request) -> Response:
        return pages.render(request, "demo/home.html", storefront_url=storefront_url)

    @router.get("/demo/mailbox")
    def mails(request: Request) -> Response:
        messages = [
            {"at": each.at, "to": each.message.to, "subject": each.message.subject, "text": each.message.text}
            for each in mailbox.messages()
        ]
        return pages.render(request, "demo/mailbox.html", messages=messages, issuer=issuer)

    return router
