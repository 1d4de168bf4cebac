"""Whose address a request has: a table of proxies and headers, and garbage from hypothesis."""

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authsvc.core.origin import Origin, network_of
from authsvc.web.origin import OriginReader, parse_address

PROXIES = ("10.0.0.0/8", "192.0.2.7/32", "fd00::/8", "::ffff:172.16.0.0/108")


def read(peer: str | None, *forwarded: str, proxies: tuple[str, ...] = PROXIES, **headers: str) -> Origin:
    lines = [("x-forwarded-for", value) for value in forwarded]
    lines += [(name.replace("_", "-"), value) for name, value in headers.items()]
    scope: dict[str, Any] = {
        "type": "http",
        "client": None if peer is None else (peer, 50_000),
        "headers": [(name.encode(), value.encode("latin-1", "replace")) for name, value in lines],
    }
    return OriginReader(proxies).read(scope)


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", (), "203.0.113.9"),
        # Nobody believes a stranger.
        ("203.0.113.9", ("198.51.100.1",), "203.0.113.9"),
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        # The client wrote the left part itself; only what trusted hops added counts.
        ("10.0.0.1", ("1.1.1.1, 198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("1.1.1.1, 198.51.100.1, 10.0.0.2, 192.0.2.7",), "198.51.100.1"),
        ("10.0.0.1", ("1.1.1.1", "198.51.100.1, 10.0.0.2"), "198.51.100.1"),
        ("10.0.0.1", ("10.9.9.9, 10.0.0.2",), "10.9.9.9"),
        # Notations.
        ("::ffff:10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("::ffff:198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("::FFFF:C633:6401",), "198.51.100.1"),
        ("10.0.0.1", ("198.51.100.1:4711",), "198.51.100.1"),
        ("10.0.0.1", ("[2001:db8::1]:4711",), "2001:db8::1"),
        ("10.0.0.1", ('"[2001:DB8:0:0::1]"',), "2001:db8::1"),
        ("10.0.0.1", ("2001:db8::1",), "2001:db8::1"),
        ("10.0.0.1", (" 198.51.100.1 ,, ",), "198.51.100.1"),
        ("fd00::5", ("2001:db8::1",), "2001:db8::1"),
        ("172.16.5.5", ("198.51.100.1",), "198.51.100.1"),
        ("fe80::1%eth0", (), "fe80::1"),
        # Garbage where a trusted hop should have written an address: the peer's own.
        ("10.0.0.1", ("unknown",), "10.0.0.1"),
        ("10.0.0.1", ("198.51.100.1, garbage",), "10.0.0.1"),
        ("10.0.0.1", ("garbage, 198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("198.51.100.01",), "10.0.0.1"),
        ("10.0.0.1", ("3325256705",), "10.0.0.1"),
        ("10.0.0.1", ("198.51.100.1 10.0.0.1",), "10.0.0.1"),
        ("10.0.0.1", ("",), "10.0.0.1"),
        # No peer: a Unix socket. A peer that is no address: nobody.
        (None, (), "127.0.0.1"),
        ("testclient", ("198.51.100.1",), "0.0.0.0"),
    ],
)
def test_the_clients_address(peer: str | None, forwarded: tuple[str, ...], address: str) -> None:
    assert read(peer, *forwarded).address == address


def test_a_unix_socket_is_believed_where_this_machine_is() -> None:
    assert read(None, "198.51.100.1", proxies=("127.0.0.1/32",)).address == "198.51.100.1"


def test_without_proxies_nobody_is_believed() -> None:
    assert read("127.0.0.1", "198.51.100.1", proxies=()).address == "127.0.0.1"


def test_a_very_long_chain_costs_a_bounded_walk() -> None:
    assert read("10.0.0.1", ", ".join(["198.51.100.1", *["10.0.0.2"] * 5_000])).address == "10.0.0.2"


@given(peer=st.text(max_size=40), forwarded=st.lists(st.text(max_size=80), max_size=3))
def test_whatever_is_sent_the_address_is_one_in_its_canonical_notation(peer: str, forwarded: list[str]) -> None:
    for each in (peer, "10.0.0.1"):
        origin = read(each, *forwarded)
        address = ipaddress.ip_address(origin.address)
        assert str(address) == origin.address
        assert getattr(address, "ipv4_mapped", None) is None
        network_of(origin.address)
        assert origin.source


@given(st.ip_addresses())
def test_every_address_is_read_in_every_notation(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    expected = address
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        expected = address.ipv4_mapped
    spellings = [str(address), str(address.exploded), f" {address} ", f"[{address}]", f"[{address}]:80"]
    if address.version == 4:
        spellings += [f"{address}:65535", f"::ffff:{address}"]
    for spelling in spellings:
        assert parse_address(spelling) == expected


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
    ],
)
def test_limits_count_by_one_ipv4_address_or_one_ipv6_64(address: str, key: str) -> None:
    assert Origin("req_1", address, "").source == key


def test_every_request_has_an_id_of_its_own() -> None:
    assert len({read("203.0.113.9").request_id for _ in range(50)}) == 50


@pytest.mark.parametrize(
    ("peer", "sent", "kept"),
    [
        ("10.0.0.1", "0f8fad5b-d9cb-469f-a165-70867728950e", True),
        ("203.0.113.9", "0f8fad5b-d9cb-469f-a165-70867728950e", False),
        ("10.0.0.1", "short", False),
        ("10.0.0.1", "x" * 65, False),
        ("10.0.0.1", "has space in it", False),
        ("10.0.0.1", '{"json":"injection"}', False),
    ],
)
def test_an_inbound_request_id_is_kept_only_from_a_trusted_proxy(peer: str, sent: str, kept: bool) -> None:
    assert (read(peer, x_request_id=sent).request_id == sent) is kept


def test_the_user_agent_is_cut() -> None:
    assert len(read("203.0.113.9", user_agent="x" * 5_000).user_agent) == 512
