"""What tokens say, and how our own are checked when they come back. Pure.

Access tokens are RFC 9068 JWTs (`at+jwt`, ES256). ID tokens are signed with what the client registered. Names and
addresses are only given out by userinfo (OpenID Connect Core, 5.4): an ID token travels in the URL of a logout and
ends in logs.

`acr` and `amr` say what the proofs behind a token hold when it is issued. A token family keeps the proofs it was begun
with: with time they are worth less, never more, and `auth_time` stays.
"""
# mypy: allow-untyped-calls

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from authlib.oauth2.rfc6750 import InsufficientScopeError, InvalidTokenError
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from authsvc.accounts.levels import Proofs, amr_now, auth_time, level_now
from authsvc.oidc.clients.client import ID_TOKEN_ALGS

ACCESS_TOKEN_ALG = "ES256"
ACCESS_TOKEN_TYPE = "at+jwt"
USERINFO_PATH = "/oauth2/userinfo"
ACCOUNTS_PATH = "/v1/accounts"

# joserfc looks the names in `crit` up before it looks at what they are: a list among them is a TypeError.
UNREADABLE = (JoseError, ValueError, TypeError)


@dataclass(frozen=True)
class Authentication:
    """What was proven, as a token tells it."""

    acr: str
    amr: tuple[str, ...]
    auth_time: datetime


@dataclass(frozen=True)
class AccessToken:
    """The claims of a valid access token that userinfo goes by."""

    account_id: str
    session_id: str
    family_id: str
    client_id: str
    scope: frozenset[str]


@dataclass(frozen=True)
class ServiceToken:
    """The claims of a valid access token that a client got in its own name."""

    client_id: str
    scope: frozenset[str]


def authentication_of(proofs: Proofs, *, now: datetime, raised: timedelta) -> Authentication:
    """Return what these proofs are worth now. There must be one."""
    proven_at = auth_time(proofs)
    if proven_at is None:
        raise ValueError("nothing was proven")
    return Authentication(
        level_now(proofs, now=now, raised=raised).acr, amr_now(proofs, now=now, raised=raised), proven_at
    )


def access_token_claims(
    *,
    issuer: str,
    client_id: str,
    account_id: str,
    session_id: str,
    family_id: str,
    scope: str,
    authentication: Authentication,
    token_id: str,
    now: datetime,
    lifetime_s: int,
) -> dict[str, Any]:
    """Return the claims of RFC 9068, 2.2, with `sid` and, for revocation, the family as `grant_id`."""
    return {
        "iss": issuer,
        "aud": issuer + USERINFO_PATH,
        "sub": account_id,
        "client_id": client_id,
        "sid": session_id,
        "grant_id": family_id,
        "scope": scope,
        "jti": token_id,
        "iat": _seconds(now),
        "exp": _seconds(now) + lifetime_s,
        "acr": authentication.acr,
        "amr": list(authentication.amr),
        "auth_time": _seconds(authentication.auth_time),
    }


def service_token_claims(
    *, issuer: str, client_id: str, scope: str, token_id: str, now: datetime, lifetime_s: int
) -> dict[str, Any]:
    """Return the claims of RFC 9068, 2.2, where no person is involved: the subject is the client itself."""
    return {
        "iss": issuer,
        "aud": issuer + ACCOUNTS_PATH,
        "sub": client_id,
        "client_id": client_id,
        "scope": scope,
        "jti": token_id,
        "iat": _seconds(now),
        "exp": _seconds(now) + lifetime_s,
    }


def id_token_claims(
    *,
    issuer: str,
    client_id: str,
    account_id: str,
    session_id: str,
    authentication: Authentication,
    nonce: str | None,
    now: datetime,
    lifetime_s: int,
) -> dict[str, Any]:
    """Return the claims of OpenID Connect Core, 2; Authlib adds `at_hash`."""
    claims = {
        "iss": issuer,
        "aud": client_id,
        "sub": account_id,
        "sid": session_id,
        "iat": _seconds(now),
        "exp": _seconds(now) + lifetime_s,
        "acr": authentication.acr,
        "amr": list(authentication.amr),
        "auth_time": _seconds(authentication.auth_time),
    }
    return claims | ({"nonce": nonce} if nonce else {})


def userinfo_claims(scope: frozenset[str], *, account_id: str, name: str, email: str | None) -> dict[str, Any]:
    """Return what the scopes ask for. Every address of an account was proven."""
    claims: dict[str, Any] = {"sub": account_id}
    if "profile" in scope:
        claims["name"] = name
    if "email" in scope and email:
        claims |= {"email": email, "email_verified": True}
    return claims


def read_access_token(value: str, keys: KeySet, *, issuer: str, now: datetime) -> AccessToken:
    """Return what a valid access token of ours says.

    1. it is a JWT, signed by a key that we publish, with the one algorithm of access tokens;
    2. it is an access token and no ID token;
    3. it is ours, meant for userinfo, and has not expired;
    4. it has the scope `openid`.

    Raises:
        InvalidTokenError: 1 to 3 fail.
        InsufficientScopeError: 4 fails.
    """
    claims = _read(value, keys, issuer=issuer, audience=issuer + USERINFO_PATH, now=now)  # 1, 2, 3
    try:
        read = AccessToken(
            claims["sub"], claims["sid"], claims["grant_id"], claims["client_id"], frozenset(claims["scope"].split())
        )
    except (KeyError, AttributeError) as problem:
        raise InvalidTokenError() from problem
    if "openid" not in read.scope:
        raise InsufficientScopeError()  # 4
    return read


def read_service_token(value: str, keys: KeySet, *, issuer: str, now: datetime) -> ServiceToken:
    """Return what a valid access token of a service says.

    Signature, type, issuer and expiry as for every access token; the audience is the account API; and it is nobody's
    but the client's own: its subject is the client, and it belongs to no session.

    Raises:
        InvalidTokenError: something of this fails.
    """
    claims = _read(value, keys, issuer=issuer, audience=issuer + ACCOUNTS_PATH, now=now)
    client_id, scope = claims.get("client_id"), claims.get("scope")
    ours = isinstance(client_id, str) and isinstance(scope, str) and claims.get("sub") == client_id
    if not ours or "sid" in claims:
        raise InvalidTokenError()
    return ServiceToken(str(client_id), frozenset(str(scope).split()))


def _read(value: str, keys: KeySet, *, issuer: str, audience: str, now: datetime) -> Mapping[str, Any]:
    try:
        token = jwt.decode(value, keys, algorithms=[ACCESS_TOKEN_ALG])
        if token.header.get("typ") != ACCESS_TOKEN_TYPE:
            raise InvalidTokenError()
        jwt.JWTClaimsRegistry(
            now=_seconds(now),
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
        ).validate(token.claims)
    except UNREADABLE as problem:
        raise InvalidTokenError() from problem
    claims: Mapping[str, Any] = token.claims
    return claims


def kid_of(value: str) -> str | None:
    """Return the key id in a token's header, unchecked; None when there is none to read."""
    try:
        header = jws.extract_compact(value.encode()).headers()
    except UNREADABLE:
        return None
    kid = header.get("kid")
    return kid if isinstance(kid, str) else None


def read_id_token_hint(value: str, keys: KeySet, *, issuer: str) -> Mapping[str, Any] | None:
    """Return the claims of an ID token that we issued, however long ago; None when it isn't one."""
    try:
        token = jwt.decode(value, keys, algorithms=list(ID_TOKEN_ALGS))
    except UNREADABLE:
        return None
    claims = token.claims
    ours = token.header.get("typ") == "JWT" and claims.get("iss") == issuer
    complete = all(isinstance(claims.get(name), str) for name in ("sub", "aud", "sid"))
    return claims if ours and complete else None


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
