"""Passkeys through the whole service: unknown ones, counters, attested models, related origins."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from authsvc.cli.soft_authenticator import SoftAuthenticator, encoded
from authsvc.factors.passkey.attestation import AttestationPolicy
from authsvc.factors.passkey.store import delete_passkey
from authsvc.factors.passkey.tables import passkeys
from authsvc.risk.policy_file import default_policy, policy_text
from authsvc.risk.tables import risk_decisions
from tests.support.browser_client import ISSUER, BrowserClient
from tests.support.fido import AAGUID, MODEL, Service, attestation_leaf, authority, entry, packed
from tests.support.running import PASSWORD, Running

EMAIL = "ada@example.org"
RELATED = ("https://id.shop.test", "https://id.shop.example")


def answer(service: Running, browser: BrowserClient, authenticator: SoftAuthenticator, **bend: Any) -> Any:
    """Begin at a shop and answer with a passkey."""
    service.shop().begin(browser)
    options = browser.post_json("/login/passkey/options", {"flow": browser.flow}).json()["publicKey"]
    body = {"flow": browser.flow, "credential": authenticator.get(options, **bend)}
    return browser.post_json("/login/passkey/verify", body)


@dataclass(frozen=True)
class Said:
    codes: list[str]
    outcome: str


def decisions(service: Running) -> list[Said]:
    query = select(risk_decisions.c.contributions, risk_decisions.c.outcome).order_by(risk_decisions.c.at)
    with service.services.database.read() as connection:
        return [Said([each["code"] for each in row[0]], row[1]) for row in connection.execute(query)]


def remove_all(service: Running) -> None:
    with service.services.database.write() as connection:
        for row in connection.execute(select(passkeys.c.account_id, passkeys.c.id)).all():
            assert delete_passkey(connection, row.account_id, row.id)


# -- a passkey that nobody has


def test_an_unknown_passkey_is_named_so_that_the_browser_can_forget_it(service: Running) -> None:
    authenticator = service.sign_up_with_passkey(service.browser(), EMAIL)
    remove_all(service)
    refused = answer(service, service.browser(), authenticator)
    assert refused.status_code == 400
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "passkey.unknown_credential"
    assert refused.json()["unknown_credential"] == encoded(authenticator.credential_id)


def test_any_other_refusal_names_no_passkey(local: Running) -> None:
    authenticator = local.sign_up_with_passkey(local.browser(), EMAIL)
    browser = local.browser()
    refused = answer(local, browser, authenticator, origin="https://evil.example")
    assert refused.json()["code"] == "passkey.refused"
    assert "unknown_credential" not in refused.json()
    spent = browser.post_json("/login/passkey/verify", {"flow": browser.flow, "credential": {}})
    assert "unknown_credential" not in spent.json()


# -- the counter


def test_a_counter_that_went_back_is_weighed_and_shuts_nobody_out(service: Running) -> None:
    authenticator = service.sign_up_with_passkey(service.browser(), EMAIL)
    for count in (40, 7):
        service.clock.advance(minutes=1)
        assert answer(service, service.browser(), authenticator, count=count).status_code == 200
    assert service.events("passkey:counter:went_back")[-1].facts["shown"] == 7
    with service.services.database.read() as connection:
        said = connection.execute(select(risk_decisions.c.contributions).order_by(risk_decisions.c.at)).scalars().all()
    codes = [[each["code"] for each in contributions] for contributions in said]
    assert "passkey.counter_went_back" in codes[-1]
    assert not any("passkey.counter_went_back" in each for each in codes[:-1])


def stepped_up(service: Running, browser: BrowserClient, authenticator: SoftAuthenticator, count: int) -> Any:
    """Sign in with a password where a shop asks for more, and show the passkey for that."""
    service.shop().begin(browser, acr_values="urn:authsvc:acr:phr")
    browser.submit("/login/password", email=EMAIL, password=PASSWORD, typing="")
    service.clock.advance(seconds=5)
    options = browser.post_json("/login/passkey/options", {"flow": browser.flow}).json()["publicKey"]
    body = {"flow": browser.flow, "credential": authenticator.get(options, count=count)}
    return browser.post_json("/login/passkey/verify", body)


def with_both(service: Running) -> SoftAuthenticator:
    """Make an account with a passkey and a password; return its authenticator."""
    owner = service.browser()
    authenticator = service.sign_up_with_passkey(owner, EMAIL)
    owner.open("/account/password/change")
    owner.submit("/account/password/change", password=PASSWORD)
    return authenticator


def test_a_counter_that_went_back_in_a_step_up_is_weighed_for_that_sign_in(local: Running) -> None:
    authenticator = with_both(local)
    assert stepped_up(local, local.browser(), authenticator, 60).status_code == 200
    before = decisions(local)
    assert stepped_up(local, local.browser(), authenticator, 7).status_code == 200
    first, again = decisions(local)[len(before) :]
    assert "passkey.counter_went_back" in again.codes
    assert "passkey.counter_went_back" not in first.codes
    assert (first.outcome, again.outcome) == ("completed", "completed")
    assert len(local.events("login:sign_in:completed")) == 3


def test_where_it_tips_the_scale_the_step_up_is_refused(local_with: Callable[..., Running], tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(policy_text(replace(default_policy(), deny_at=0.40, costs=None)))
    service = local_with(risk={"policy_file": policy})
    authenticator = with_both(service)
    assert stepped_up(service, service.browser(), authenticator, 60).status_code == 200
    completed = len(service.events("login:sign_in:completed"))
    browser = service.browser(peer="198.51.100.10")
    stepped_up(service, browser, authenticator, 7)
    first, again = decisions(service)[-2:]
    assert "passkey.counter_went_back" in again.codes
    assert (first.outcome, again.outcome) == ("denied", "denied")
    assert len(service.events("login:sign_in:completed")) == completed


# -- attested models


@pytest.fixture
def vouching(tmp_path: Path, local_with: Callable[..., Running]) -> tuple[Running, Any]:
    """A service whose operator supplied metadata, and the vendor that it knows."""
    fido, vendor = Service(), authority("Vendor")
    blob, root = tmp_path / "blob.jwt", tmp_path / "root.pem"
    blob.write_bytes(fido.blob(entry(vendor), next_update="2200-01-01"))
    root.write_bytes(fido.root.pem)
    return local_with(passkeys={"metadata_blob": blob, "metadata_root": root}), vendor


def sign_up_at(service: Running, policy: AttestationPolicy, authenticator: SoftAuthenticator) -> Any:
    browser, shop = service.browser(), service.shop(attestation=policy)
    shop.begin(browser)
    service.prove_address(browser, EMAIL)
    options = browser.post_json("/login/passkey/create/options", {"flow": browser.flow}).json()["publicKey"]
    assert options["attestation"] == ("direct" if policy.direct else "none")
    body = {"flow": browser.flow, "credential": authenticator.create(options)}
    return browser.post_json("/login/passkey/create/verify", body)


def test_a_client_that_asks_for_attested_models_gets_them(vouching: tuple[Running, Any]) -> None:
    service, vendor = vouching
    key = SoftAuthenticator("localhost", ISSUER, aaguid=AAGUID, attester=packed(attestation_leaf(vendor)))
    policy = AttestationPolicy(direct=True, aaguids=frozenset({MODEL}))
    made = sign_up_at(service, policy, key)
    assert made.status_code == 200, made.text
    assert service.events("passkey:factor:added")[-1].facts["attested"]


def test_a_client_that_asks_for_attested_models_takes_no_other(vouching: tuple[Running, Any]) -> None:
    service, _ = vouching
    refused = sign_up_at(service, AttestationPolicy(direct=True), service.authenticator())
    assert refused.json()["code"] == "passkey.refused"
    assert "not accepted here" in refused.json()["detail"]
    assert service.events("passkey:ceremony:refused")[-1].facts["code"] == "passkey.authenticator_not_accepted"
    with service.services.database.read() as connection:
        assert connection.execute(select(passkeys.c.id)).all() == []


def test_other_clients_of_the_same_service_ask_for_nothing(vouching: tuple[Running, Any]) -> None:
    service, _ = vouching
    assert sign_up_at(service, AttestationPolicy(), service.authenticator()).status_code == 200


# -- related origins


def test_related_origins_are_listed_for_browsers(local_with: Callable[..., Running]) -> None:
    service = local_with(passkeys={"related_origins": RELATED})
    found = service.browser().http.get("/.well-known/webauthn")
    assert found.status_code == 200
    assert found.headers["content-type"] == "application/json"
    assert found.json() == {"origins": list(RELATED)}


def test_without_related_origins_there_is_no_list(local: Running) -> None:
    found = local.browser().http.get("/.well-known/webauthn", headers={"Accept": "application/json"})
    assert (found.status_code, found.json()["code"]) == (404, "request.not_found")


@pytest.mark.parametrize(("origin", "status"), [(RELATED[0], 200), (RELATED[0] + ".evil.com", 400), (ISSUER, 200)])
def test_ceremonies_take_exactly_those_origins(local_with: Callable[..., Running], origin: str, status: int) -> None:
    service = local_with(passkeys={"related_origins": RELATED})
    authenticator = service.sign_up_with_passkey(service.browser(), EMAIL)
    assert answer(service, service.browser(), authenticator, origin=origin).status_code == status


def test_without_related_origins_only_the_issuer_is_taken(local: Running) -> None:
    authenticator = local.sign_up_with_passkey(local.browser(), EMAIL)
    assert answer(local, local.browser(), authenticator, origin=RELATED[0]).status_code == 400
