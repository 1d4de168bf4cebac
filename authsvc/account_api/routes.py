"""The account API over HTTP: JSON in, JSON out, a bearer token at every door.

GET    /v1/accounts?status=&after=&limit=   accounts:read
POST   /v1/accounts/search                  accounts:read     an address is searched for in a body: URLs end in logs
GET    /v1/accounts/{id}                    accounts:read
POST   /v1/accounts                         accounts:write
POST   /v1/accounts/{id}/freeze, /unfreeze  accounts:freeze
GET    /v1/accounts/{id}/export             accounts:export
DELETE /v1/accounts/{id}                    accounts:erase
"""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.openapi.models import OAuthFlowClientCredentials, OAuthFlows
from fastapi.security import OAuth2
from pydantic import BaseModel, ConfigDict, Field

from authsvc.account_api.requests import read_bearer, read_idempotency_key
from authsvc.account_api.service import MAX_PAGE, AccountApi, AccountView
from authsvc.oidc.callers.service import Caller
from authsvc.oidc.claims import ACCOUNTS_PATH
from authsvc.oidc.token.service import TOKEN_PATH
from authsvc.web.origin import origin_of

SCOPES = {
    "accounts:read": "Find accounts and read them.",
    "accounts:write": "Invite people to have one.",
    "accounts:freeze": "Freeze accounts and open them again.",
    "accounts:export": "Get everything that is kept about an account.",
    "accounts:erase": "Erase accounts.",
}

_token = OAuth2(
    flows=OAuthFlows(clientCredentials=OAuthFlowClientCredentials(tokenUrl=TOKEN_PATH, scopes=SCOPES)),
    scheme_name="Service",
    description="An access token that a client got in its own name (RFC 6749, 4.4).",
    auto_error=False,
)

AccountId = Annotated[str, Path(max_length=64, description="The account's id: the `sub` of its owner's tokens.")]


class Account(BaseModel):
    """An account."""

    id: str = Field(description="The `sub` of its owner's tokens; never another's.")
    status: Literal["invited", "active", "frozen", "erased"] = Field(
        description="`invited`: its owner has not come yet, and nobody has proven the address."
    )
    name: str
    email: str | None
    email_verified: bool
    created_at: datetime


class Listed(BaseModel):
    """An account in a list. Who it is, `GET /v1/accounts/{id}` says."""

    id: str
    status: Literal["active", "frozen", "erased"]
    created_at: datetime


class Page(BaseModel):
    """A part of the list."""

    accounts: list[Listed]
    after: str | None = Field(description="What to send as `after` for the next page; null on the last one.")


class Found(BaseModel):
    """What a search found: one account, or none."""

    accounts: list[Account]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Search(_Body):
    email: str = Field(max_length=320, description="The whole address; nothing is found by a part of it.")


class Invitation(_Body):
    email: str = Field(max_length=320, description="Gets a mail. Its owner proves it, and the account is there.")
    name: str = Field(max_length=100, description="Filled in at sign-up; its owner may write another.")


def build_router(api: AccountApi) -> APIRouter:
    """Return the routes of the account API."""
    router = APIRouter(prefix=ACCOUNTS_PATH, tags=["accounts"])

    def caller(scope: str) -> Callable[..., Caller]:
        def admit(request: Request, _: Annotated[Any, Depends(_token)]) -> Caller:
            token = read_bearer(request.headers.getlist("authorization"))
            return api.admit(token, scope, origin=origin_of(request))

        return admit

    _add_reading(router, api, Depends(caller("accounts:read")))
    _add_inviting(router, api, Depends(caller("accounts:write")))
    _add_freezing(router, api, Depends(caller("accounts:freeze")))
    _add_leaving(router, api, Depends(caller("accounts:export")), Depends(caller("accounts:erase")))
    return router


def _add_reading(router: APIRouter, api: AccountApi, reader: Any) -> None:
    @router.get("", summary="List accounts", responses=_refusals("400: `api.place`"))
    def list_accounts(
        request: Request,
        caller: Caller = reader,
        status: Literal["active", "frozen", "erased"] | None = None,
        after: Annotated[str | None, Query(max_length=64, description="The `after` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
    ) -> Page:
        """Ids, states and times, in the order of creation: what a shop needs to see which events it has missed."""
        found = api.list_accounts(caller, status=status, after=after, limit=limit, origin=origin_of(request))
        lines = [Listed.model_validate(asdict(line)) for line in found]
        return Page(accounts=lines, after=found[-1].id if len(found) == limit else None)

    @router.post(
        "/search", summary="Find an account by its address", responses=_refusals("400: `account.address_invalid`")
    )
    def search(request: Request, body: Search, caller: Caller = reader) -> Found:
        """One account or none, invited ones too."""
        found = api.search(caller, email=body.email, origin=origin_of(request))
        return Found(accounts=[_shown(found)] if found else [])

    @router.get("/{account_id}", summary="Read an account", responses=_refusals("404: `api.account_unknown`"))
    def read(request: Request, account_id: AccountId, caller: Caller = reader) -> Account:
        """One account by its id."""
        return _shown(api.get(caller, account_id, origin=origin_of(request)))


def _add_inviting(router: APIRouter, api: AccountApi, writer: Any) -> None:
    codes = (
        "400: `account.address_invalid`, `account.name_invalid`, `api.idempotency_key`",
        "409: `account.address_taken`, `api.already_invited`, `api.idempotency_reused`",
    )

    @router.post("", status_code=201, summary="Invite somebody to have an account", responses=_refusals(*codes))
    def invite(
        request: Request,
        body: Invitation,
        caller: Caller = writer,
        idempotency_key: Annotated[str | None, Header(description="Yours to choose; kept for 24 hours.")] = None,
    ) -> Account:
        """The account's owner gets a mail, proves the address and chooses how to sign in; until then nobody can.

        The id is final: it is the `sub` of the tokens to come. Sent again with the same Idempotency-Key, the answer is
        the same account, and no second mail goes out. An invitation expires after 30 days.
        """
        del idempotency_key  # named for the description; read below, where two of them are seen
        key = read_idempotency_key(request.headers.getlist("idempotency-key"))
        return _shown(api.invite(caller, key=key, email=body.email, name=body.name, origin=origin_of(request)))


def _add_freezing(router: APIRouter, api: AccountApi, freezer: Any) -> None:
    refusals = _refusals("404: `api.account_unknown`", "409: `api.not_joined`", "410: `api.account_erased`")

    @router.post("/{account_id}/freeze", summary="Freeze an account", responses=refusals)
    def freeze(request: Request, account_id: AccountId, caller: Caller = freezer) -> Account:
        """Nobody signs in to it, and whoever is signed in is signed out. Nothing is deleted."""
        return _shown(api.freeze(caller, account_id, frozen=True, origin=origin_of(request)))

    @router.post("/{account_id}/unfreeze", summary="Open a frozen account again", responses=refusals)
    def unfreeze(request: Request, account_id: AccountId, caller: Caller = freezer) -> Account:
        """Whoever froze it, this opens it."""
        return _shown(api.freeze(caller, account_id, frozen=False, origin=origin_of(request)))


def _add_leaving(router: APIRouter, api: AccountApi, exporter: Any, eraser: Any) -> None:
    refusals = _refusals("404: `api.account_unknown`", "409: `api.not_joined`", "410: `api.account_erased`")

    @router.get("/{account_id}/export", summary="Export everything about an account", responses=refusals)
    def export(request: Request, account_id: AccountId, caller: Caller = exporter) -> dict[str, Any]:
        """What the account's owner can download: all that is kept about them, without secrets."""
        return api.export(caller, account_id, origin=origin_of(request))

    erased = _refusals("404: `api.account_unknown`")

    @router.delete("/{account_id}", status_code=204, summary="Erase an account", responses=erased)
    def erase(request: Request, account_id: AccountId, caller: Caller = eraser) -> None:
        """At once and for good; its owner gets a last mail. An invitation is withdrawn. Again, it changes nothing."""
        api.erase(caller, account_id, origin=origin_of(request))


def _shown(view: AccountView) -> Account:
    return Account.model_validate(asdict(view))


def _refusals(*lines: str) -> dict[int | str, dict[str, Any]]:
    """Return what can go wrong, for the API's description: problem documents (RFC 9457) with a stable `code`."""
    common = {
        401: "`api.no_token`, `api.token_invalid`, with WWW-Authenticate (RFC 6750, 3)",
        403: "`api.scope_missing`, with the scope in WWW-Authenticate",
        429: "`limits.too_many`, with Retry-After",
    }
    for line in lines:
        status, _, codes = line.partition(": ")
        common[int(status)] = codes
    return {status: {"description": f"A problem document; its `code`: {common[status]}"} for status in sorted(common)}
