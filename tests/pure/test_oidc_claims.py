"""What passes for an access token or a logout hint of ours: the right one, and nothing with one thing changed."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from authlib.oauth2 import OAuth2Error
from joserfc import jwt
from joserfc.jwk import ECKey, Key, KeySet, RSAKey

from authsvc.accounts.levels import Level
from authsvc.oidc.claims import (
    Authentication,
    access_token_claims,
    id_token_claims,
    kid_of,
    read_access_token,
    read_id_token_hint,
    read_service_token,
)

ISSUER = "https://id.shop.example"
NOW = datetime(2030, 5, 4, 12, tzinfo=UTC)
PROVEN = Authentication(Level.PHR.acr, ("pop", "user"), NOW)
EC, RSA, STRANGER = ECKey.generate_key("P-256"), RSAKey.generate_key(2048), ECKey.generate_key("P-256")
for key in (EC, RSA):
    key.ensure_kid()
PUBLISHED = KeySet([EC, RSA])


def access_claims(**changes: Any) -> dict[str, Any]:
    right = access_token_claims(
        issuer=ISSUER,
        client_id="cli_1",
        account_id="acc_1",
        session_id="ses_1",
        family_id="fam_1",
        scope="openid email",
        authentication=PROVEN,
        token_id="at_1",
        now=NOW,
        lifetime_s=300,
    )
    return {name: value for name, value in (right | changes).items() if value is not None}


def id_claims(**changes: Any) -> dict[str, Any]:
    right = id_token_claims(
        issuer=ISSUER,
        client_id="cli_1",
        account_id="acc_1",
        session_id="ses_1",
        authentication=PROVEN,
        nonce="n",
        now=NOW,
        lifetime_s=300,
    )
    return {name: value for name, value in (right | changes).items() if value is not None}


def signed(claims: dict[str, Any], key: Key = EC, **header: Any) -> str:
    alg = header.get("alg", "ES256")
    right = {"alg": alg, "typ": "at+jwt", "kid": EC.kid} | header
    return jwt.encode({name: value for name, value in right.items() if value is not None}, claims, key, [alg])


def read(token: str, now: datetime = NOW) -> str:
    return read_access_token(token, PUBLISHED, issuer=ISSUER, now=now).account_id


def test_the_right_one_is_read() -> None:
    token = signed(access_claims())
    assert kid_of(token) == EC.kid
    assert read(token) == "acc_1"
    assert read(token, NOW + timedelta(seconds=299)) == "acc_1"


@pytest.mark.parametrize(
    "claims",
    [
        access_claims(iss="https://id.other.example"),
        access_claims(iss=None),
        access_claims(aud=f"{ISSUER}/oauth2/token"),
        access_claims(aud="cli_1"),
        access_claims(aud=None),
        access_claims(exp=int(NOW.timestamp())),
        access_claims(exp=None),
        access_claims(grant_id=None),
        access_claims(sid=None),
        id_claims(),
    ],
)
def test_other_claims_are_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(OAuth2Error) as refused:
        read(signed(claims))
    assert refused.value.error == "invalid_token"


@pytest.mark.parametrize("typ", ["JWT", "jwt", "logout+jwt", None])
def test_another_kind_of_token_is_refused_whatever_it_says(typ: str | None) -> None:
    with pytest.raises(OAuth2Error):
        read(signed(access_claims(), typ=typ))


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def signed_with_the_public_key(claims: dict[str, Any], typ: str) -> str:
    """The classic confusion, by hand: joserfc refuses to take a PEM for a secret."""
    head = b64(json.dumps({"alg": "HS256", "typ": typ, "kid": EC.kid}).encode())
    text = f"{head}.{b64(json.dumps(claims).encode())}"
    return f"{text}.{b64(hmac.digest(EC.as_pem(private=False), text.encode(), 'sha256'))}"


@pytest.mark.parametrize(
    "token",
    [
        signed(access_claims(), STRANGER),
        signed(access_claims(), STRANGER, kid=None),
        signed(access_claims(), STRANGER, kid="unheard of"),
        signed(access_claims(), STRANGER, kid=RSA.kid),
        signed(access_claims(), RSA, alg="RS256", kid=RSA.kid),
        signed_with_the_public_key(access_claims(), "at+jwt"),
        signed(access_claims(), STRANGER, jwk=STRANGER.as_dict(private=False)),
        ".".join((b64(b'{"alg":"none","typ":"at+jwt"}'), b64(json.dumps(access_claims()).encode()), "")),
    ],
)
def test_another_key_or_algorithm_is_refused(token: str) -> None:
    with pytest.raises(OAuth2Error):
        read(token)


def test_without_openid_there_is_nothing_to_tell() -> None:
    with pytest.raises(OAuth2Error) as refused:
        read(signed(access_claims(scope="email")))
    assert refused.value.error == "insufficient_scope"


def hint(token: str) -> Any:
    return read_id_token_hint(token, PUBLISHED, issuer=ISSUER)


def test_a_hint_is_an_id_token_of_ours_however_old() -> None:
    assert hint(signed(id_claims(), typ="JWT"))["sid"] == "ses_1"
    assert hint(signed(id_claims(exp=1), RSA, alg="RS256", kid=RSA.kid, typ="JWT"))["sub"] == "acc_1"


@pytest.mark.parametrize(
    "token",
    [
        signed(id_claims(iss="https://id.other.example"), typ="JWT"),
        signed(id_claims(sid=None), typ="JWT"),
        signed(id_claims(aud=["cli_1", "cli_2"]), typ="JWT"),
        signed(id_claims(), typ="at+jwt"),
        signed(id_claims(), STRANGER, typ="JWT"),
        signed_with_the_public_key(id_claims(), "JWT"),
        "x",
        "..",
        "é",
    ],
)
def test_anything_else_is_no_hint(token: str) -> None:
    assert hint(token) is None


def test_a_header_can_nest_as_deep_as_it_likes() -> None:
    deep = b64(b'{"alg":"ES256","kid":' + b"[" * 300)
    assert kid_of(f"{deep}.e30.eA") is None


@pytest.mark.parametrize("crit", [[["b64"]], [{}], [None], [1], "b64", {}, 0, [], ["exp"]])
def test_a_header_that_names_odd_things_as_critical_is_refused(crit: Any) -> None:
    token = ".".join((b64(json.dumps({"alg": "ES256", "typ": "at+jwt", "crit": crit}).encode()), "e30", "eA"))
    for reader in (read_access_token, read_service_token):
        with pytest.raises(OAuth2Error):
            reader(token, PUBLISHED, issuer=ISSUER, now=NOW)
    assert hint(token) is None
    assert kid_of(token) is None
