"""Where a webhook may go: a table of addresses, and a table of URLs."""

import pytest

from authsvc.accounts.events.destination import is_public, parse_destination
from authsvc.core.errors import BadInput

PUBLIC = [
    "93.184.215.14",
    "1.1.1.1",
    "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
    "::ffff:93.184.215.14",
    "2002:5db8:d70e::1",
]
PRIVATE = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254",  # where clouds keep their machines' credentials
    "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",  # through a NAT64 gateway
    "::7f00:1", "::a9fe:a9fe", "::ffff:0:7f00:1",  # IPv4-compatible, and translated (SIIT)
    "fec0::1", "5f00::1", "3fff::1", "200::1", "4000::1",  # site-local, segments, documentation, given to nobody
    "2002:7f00:1::1", "2002:a00:1::1",  # 6to4 of 127.0.0.1 and 10.0.0.1
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_not_public(address: str) -> None:
    assert not is_public(address)


def test_a_url_is_taken_apart() -> None:
    found = parse_destination("https://shop.example:8443/hooks/accounts?v=1", allow_private=False)
    assert (found.scheme, found.host, found.port, found.target) == (
        "https",
        "shop.example",
        8443,
        "/hooks/accounts?v=1",
    )
    assert found.authority == "shop.example:8443"
    assert parse_destination("https://shop.example", allow_private=False).target == "/"
    assert parse_destination("https://[2606:2800::1]/x", allow_private=False).host == "2606:2800::1"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.example/hook",
        "http://shop.example/hook",
        "http://localhost:9000/hook",
        "ftp://shop.example/hook",
        "https:///hook",
        "https://user@shop.example/hook",
        "https://user:pw@shop.example/hook",
        "https://shop.example/hook#part",
        "https://shop.example\\@evil.example/",
        "https://shop.example/a b",
        "https://shop.example/\r\nHost: evil.example",
        "https://shöp.example/hook",
        "https://shop.example:99999/hook",
        "https://[::1/hook",
        "https://shop.example/" + "x" * 2000,
        "file:///etc/passwd",
    ],
)
def test_what_is_no_address_for_webhooks(url: str) -> None:
    with pytest.raises(BadInput) as problem:
        parse_destination(url, allow_private=False)
    assert problem.value.code == "webhook.url"


def test_this_machine_without_tls_only_where_it_is_allowed() -> None:
    assert parse_destination("http://127.0.0.1:9000/hook", allow_private=True).scheme == "http"
    assert parse_destination("http://localhost:9000/hook", allow_private=True).port == 9000
    with pytest.raises(BadInput):
        parse_destination("http://shop.example/hook", allow_private=True)
