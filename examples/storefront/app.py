"""A small shop that lets its customers sign in with OpenID Connect. An ordinary client of any provider.

Discovery, authorization code and PKCE are Authlib's. What a client has to see to itself is here: that the answer comes
from the provider that was asked (RFC 9207), that a fresh proof is fresh when one was asked for, and that an error is
explained to the person who reads it. Configuration is in the environment; see README.md.
"""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
from authlib.integrations.starlette_client import OAuth, OAuthError
from joserfc.errors import JoseError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

ISSUER = os.environ["STOREFRONT_ISSUER"].rstrip("/")
URL = os.environ.get("STOREFRONT_URL", "http://127.0.0.1:8001").rstrip("/")
CALLBACK = f"{URL}/callback"
PASSKEY = "urn:authsvc:acr:phr"  # one of the provider's acr_values_supported
CLOCK_LEEWAY_S = 30

HERE = Path(__file__).parent
templates = Jinja2Templates(HERE / "templates")

oauth = OAuth()
oauth.register(
    "provider",
    server_metadata_url=f"{ISSUER}/.well-known/openid-configuration",
    client_id=os.environ["STOREFRONT_CLIENT_ID"],
    client_secret=os.environ["STOREFRONT_CLIENT_SECRET"],
    client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256"},
)
provider = oauth.provider

TEAS = (
    ("Harbour Fog", "Smoked black tea, bergamot, a little vanilla", "moss", "9.80"),
    ("Second Breakfast", "Malty Assam that forgives ten minutes", "amber", "7.50"),
    ("Rain on Slate", "Green tea, pan-fired, tastes of chestnuts", "slate", "11.20"),
    ("Aunt Clementine", "Rooibos with orange peel and clove", "rust", "6.90"),
    ("Quiet Please", "Chamomile, lemon balm, linden blossom", "straw", "6.40"),
    ("Last Ferry", "Oolong, half dark, slow to let go", "plum", "13.60"),
)

# RFC 8176, and what a customer would say.
METHODS = {
    "pwd": "a password",
    "otp": "a one-time code",
    "pop": "a key that your device holds",
    "user": "your device checked that it was you",
    "face": "your face",
    "mfa": "two kinds of proof together",
}
STRENGTHS = {
    "email": "A code from your mailbox",
    "pwd": "A password",
    "pwd_email": "A password and a code from your mailbox",
    "mfa": "Two different kinds of proof",
    "phr": "A passkey: it can't be phished",
}
ERRORS = {
    "access_denied": (
        "You are not signed in",
        "You turned back before it was finished. That is fine: look around, and sign in whenever you like.",
    ),
    "unmet_authentication_requirements": (
        "We need a stronger proof",
        "What you asked for needs a proof that your account can't give yet, such as a passkey. Your account is fine.",
    ),
    "login_required": ("Please sign in again", "Your sign-in has ended meanwhile."),
    "temporarily_unavailable": ("Sign-in is resting", "We can't sign anybody in at the moment. Please try again soon."),
}


async def home(request: Request) -> Response:
    notice = None
    if "state" in request.query_params:
        try:
            await provider.validate_logout_response(request)
            notice = "You are signed out, here and where you sign in."
        except OAuthError:
            notice = None  # somebody else's link
    return page(request, "home.html", teas=TEAS, notice=notice)


async def sign_in(request: Request) -> Response:
    return await begin(request)


async def create_account(request: Request) -> Response:
    return await begin(request, prompt="create")


async def confirm(request: Request) -> Response:
    return await begin(request, max_age="0")


async def confirm_with_passkey(request: Request) -> Response:
    return await begin(request, acr_values=PASSKEY)


async def begin(request: Request, **wishes: str) -> Response:
    """Send the browser to the provider; remember what was asked for, to check that it was given."""
    for name in [name for name in request.session if name.startswith("_state_")]:
        del request.session[name]  # sign-ins that were never finished would fill the cookie
    request.session["asked"] = {"at": int(time.time()), **wishes}
    return await provider.authorize_redirect(request, CALLBACK, **wishes)


async def callback(request: Request) -> Response:
    asked = request.session.pop("asked", {})
    metadata = await provider.load_server_metadata()
    if request.query_params.get("iss") != metadata["issuer"]:
        return sorry(request, "The answer did not come from where we asked.")
    try:
        token = await provider.authorize_access_token(request)
    except (OAuthError, JoseError, ValueError) as problem:
        return explain(request, getattr(problem, "error", "invalid_answer"))
    claims = token["userinfo"]  # the validated ID token
    if "max_age" in asked and claims["auth_time"] < asked["at"] + int(asked["max_age"]) - CLOCK_LEEWAY_S:
        return sorry(request, "We asked for a fresh proof and did not get one.")
    if "acr_values" in asked and claims.get("acr") != asked["acr_values"]:
        return explain(request, "unmet_authentication_requirements")
    about = await provider.userinfo(token=token)
    if about["sub"] != claims["sub"]:
        return sorry(request, "The answers were about two different people.")
    request.session.clear()
    request.session["customer"] = {
        "name": about.get("name", "there"),
        "email": about.get("email", ""),
        "acr": claims.get("acr", ""),
        "amr": claims.get("amr", []),
        "auth_time": claims["auth_time"],
        "sub": claims["sub"],
    }
    request.session["id_token"] = token["id_token"]  # the hint that makes signing out one press
    return RedirectResponse("/account", status_code=303)


async def account(request: Request) -> Response:
    customer = request.session.get("customer")
    if customer is None:
        return RedirectResponse("/", status_code=303)
    return page(
        request,
        "account.html",
        strength=STRENGTHS.get(customer["acr"].rpartition(":")[2], "Something we have no words for"),
        methods=[words for method, words in METHODS.items() if method in customer["amr"]],
        proven_at=datetime.fromtimestamp(customer["auth_time"], UTC),
    )


async def sign_out(request: Request) -> Response:
    id_token = request.session.get("id_token")
    request.session.clear()
    if id_token is None:
        return RedirectResponse("/", status_code=303)
    redirect = await provider.logout_redirect(request, f"{URL}/", id_token_hint=id_token)
    redirect.status_code = 303
    return redirect


def page(request: Request, template: str, status: int = 200, **context: Any) -> Response:
    context |= {"customer": request.session.get("customer"), "issuer": ISSUER}
    return templates.TemplateResponse(
        request,
        template,
        context,
        status_code=status,
        headers={
            "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
            f"form-action 'self' {ISSUER}; frame-ancestors 'none'",
            "Cache-Control": "no-store",
        },
    )


def explain(request: Request, error: str) -> Response:
    title, text = ERRORS.get(error, ("That did not work", "The sign-in could not be completed. Please try again."))
    return page(request, "message.html", title=title, text=text, code=error)


def sorry(request: Request, text: str) -> Response:
    return page(request, "message.html", 400, title="That did not work", text=text, code="refused here")


async def unreachable(request: Request, _problem: Exception) -> Response:
    title, text = ERRORS["temporarily_unavailable"]
    return page(request, "message.html", 503, title=title, text=text, code="temporarily_unavailable")


app = Starlette(
    routes=[
        Route("/", home),
        Route("/sign-in", sign_in),
        Route("/create-account", create_account),
        Route("/confirm", confirm),
        Route("/confirm-with-passkey", confirm_with_passkey),
        Route("/callback", callback),
        Route("/account", account),
        Route("/sign-out", sign_out, methods=["POST"]),
        Mount("/static", StaticFiles(directory=HERE / "static")),
    ],
    middleware=[
        Middleware(
            SessionMiddleware,
            secret_key=os.environ["STOREFRONT_SESSION_KEY"],
            session_cookie="storefront",
            same_site="lax",  # the redirect back from the provider must bring it
            https_only=URL.startswith("https://"),
            max_age=8 * 3600,
        )
    ],
    exception_handlers={httpx2.HTTPError: unreachable},
)
