"""Raw parameters, and those of an authorization request that are ours."""

import pytest

from authsvc.accounts.levels import Level
from authsvc.core.errors import BadInput
from authsvc.oidc.parameters import Refused, for_authlib, freeze, parse, read_wishes, single


def test_values_are_kept_apart_and_empty_ones_are_absent() -> None:
    parsed = parse("a=1&resource=x&resource=y&b=&c=%C3%A9+d")
    assert parsed == {"a": ["1"], "resource": ["x", "y"], "c": ["é d"]}
    assert single(parsed) == {"a": "1", "c": "é d"}


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("a=1&a=1", "oidc.duplicate_parameter"),
        ("a=1&%61=2", "oidc.duplicate_parameter"),
        ("state=&state=x", "oidc.duplicate_parameter"),
        ("a=%00", "oidc.malformed_parameters"),
        ("a=%0d%0ax", "oidc.malformed_parameters"),
        ("a=%ff", "oidc.malformed_parameters"),
        ("&".join(f"p{i}=1" for i in range(51)), "oidc.malformed_parameters"),
        ("a=" + "x" * 16_384, "oidc.malformed_parameters"),
    ],
)
def test_what_has_no_one_meaning_is_refused(raw: str, code: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse(raw)
    assert refused.value.code == code


def test_wishes() -> None:
    wishes = read_wishes({"prompt": "login create", "max_age": "90", "acr_values": f"{Level.MFA.acr} {Level.PHR.acr}"})
    assert wishes.prompt == {"login", "create"}
    assert (wishes.max_age_s, wishes.acr, wishes.silent, wishes.interactive) == (90, Level.MFA, False, True)
    silent = read_wishes({"prompt": "none", "acr_values": "urn:other:acr"})
    assert (silent.silent, silent.interactive, silent.acr) == (True, False, Level.NONE)
    assert read_wishes({"login_hint": "x" * 321}).login_hint is None


@pytest.mark.parametrize("value", ["-1", "1.5", "1e3", "٣", "1234567890", " 1"])
def test_max_age_is_a_whole_number(value: str) -> None:
    with pytest.raises(Refused):
        read_wishes({"max_age": value})


def test_authlib_never_sees_what_is_ours() -> None:
    sent = {"client_id": "c", "prompt": "login", "max_age": "0", "id_token_hint": "h", "unheard_of": "1", "state": "s"}
    frozen = freeze(sent, hinted_subject="acc_1")
    assert frozen == {
        "client_id": "c",
        "state": "s",
        "prompt": "login",
        "max_age": "0",
        "hinted_sub": "acc_1",
    }
    assert for_authlib(frozen) == {"client_id": "c", "state": "s"}
