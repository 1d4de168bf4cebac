"""Origins as browsers spell them, and what related ones are counted by."""

import pytest

from authsvc.core.web_origin import check_origin, lies_within, registrable_label
from authsvc.settings import PasskeySettings, Settings
from tests.support.demo_settings import make_settings


@pytest.mark.parametrize(
    "origin",
    ["https://id.shop.example", "https://shop.example:8443", "http://localhost:8000", "https://xn--mller-kva.example"],
)
def test_an_origin_is_taken_as_it_is(origin: str) -> None:
    assert check_origin(origin) == origin


@pytest.mark.parametrize(
    "text",
    [
        "",
        "shop.example",
        "http://shop.example",
        "https://",
        "https://shop.example/",
        "https://shop.example/x",
        "https://shop.example?x",
        "https://shop.example#x",
        "https://Shop.example",
        "https://shop.example:443",
        "https://user@shop.example",
        "https://*.shop.example",
        "https://shop..example",
        "https://müller.example",
        "https://shop.example:99999",
        "https://[::1]",
        "https://shop.example\n",
        "null",
    ],
)
def test_what_a_browser_would_not_send_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        check_origin(text)


@pytest.mark.parametrize(
    ("origin", "label"),
    [
        ("https://shop.example", "shop"),
        ("https://id.shop.example", "shop"),
        ("https://id.shop.co.uk", "shop"),
        ("https://shop.com.br", "shop"),
        ("https://co.uk", "co"),
        ("http://localhost:8000", "localhost"),
    ],
)
def test_related_origins_are_counted_by_their_name(origin: str, label: str) -> None:
    assert registrable_label(origin) == label


def test_a_host_lies_within_its_domain_and_no_look_alike_does() -> None:
    assert lies_within("shop.example", "shop.example")
    assert lies_within("id.shop.example", "shop.example")
    assert not lies_within("idshop.example", "shop.example")
    assert not lies_within("shop.example.evil.com", "shop.example")


def test_five_names_are_as_many_as_browsers_look_at() -> None:
    five = [f"https://id.shop{number}.example" for number in range(5)]
    assert PasskeySettings(related_origins=",".join([*five, "https://shop0.test"])).related_origins[0] == five[0]
    with pytest.raises(ValueError, match="5 different names"):
        PasskeySettings(related_origins=",".join([*five, "https://shop5.example"]))


@pytest.mark.parametrize(
    "rp_id", ["https://shop.example", "shop.example/", "Shop.example", "example", "", "*.shop.example"]
)
def test_an_rp_id_is_a_domain(rp_id: str) -> None:
    with pytest.raises(ValueError, match="domain name"):
        PasskeySettings(rp_id=rp_id)


@pytest.mark.parametrize("given", [{"metadata_blob": "/x"}, {"metadata_root": "/x"}])
def test_metadata_and_its_root_come_together(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="need one another"):
        PasskeySettings(**given)


def _settings(issuer: str, **passkeys: object) -> Settings:
    return make_settings("sqlite://", issuer=issuer, demo=False, mail={"host": "smtp.example"}, passkeys=passkeys)


def test_the_rp_id_is_the_issuers_host_or_above_it() -> None:
    assert _settings("https://id.shop.example").rp_id == "id.shop.example"
    assert _settings("https://id.shop.example", rp_id="shop.example").rp_id == "shop.example"
    with pytest.raises(ValueError, match=r"passkeys\.rp_id"):
        _settings("https://id.shop.example", rp_id="hop.example")


def test_a_related_service_takes_the_rp_id_of_another() -> None:
    with pytest.raises(ValueError, match=r"passkeys\.rp_id"):
        _settings("https://id.shop.test", rp_id="id.shop.example")
    related = _settings("https://id.shop.test", rp_id="id.shop.example", related_origins="https://id.shop.test")
    assert related.rp_id == "id.shop.example"
