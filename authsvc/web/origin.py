"""Who sent a request: the client's address, its user agent, and an id for the request.

The address is the peer's, unless the peer is a trusted proxy. Then X-Forwarded-For is walked from the right: each
trusted hop vouches for the entry to its left, and the first address that is not trusted is the client. An entry that
is no address ends the walk with the peer's own address: a proxy that forwards garbage vouches for nothing.

IPv4 in IPv6 notation (::ffff:192.0.2.1) counts as IPv4; ports, brackets and zone ids are cut off. A peer on a Unix
socket is this machine, 127.0.0.1. A peer whose address can't be read is 0.0.0.0, which nobody trusts.

Limits: uvicorn's own `proxy_headers` must be off, or it rewrites the peer before this file sees it.
"""

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import cast

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import Scope

from authsvc.core.ids import new_id
from authsvc.core.origin import Origin

IpAddress = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

UNREADABLE = IPv4Address("0.0.0.0")  # noqa: S104  # an address that nobody has, not one to listen on
LOCAL = IPv4Address("127.0.0.1")
MAX_HOPS = 16  # more proxies than anybody chains; bounds the work a long header makes
MAX_USER_AGENT = 512
MAX_ADDRESS_TEXT = 128  # an IPv6 address with brackets, zone and port takes less

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)
_WITH_PORT = re.compile(r"\[([^\[\]]+)\](?::\d{1,5})?|([0-9.]+):\d{1,5}", re.ASCII)
_LANGUAGE = re.compile(r"\s*([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,2})(?=[\s,;]|$)", re.ASCII)
_TIME_ZONE = re.compile(
    r"(?:^|;)\s*__Host-zone=([A-Za-z][A-Za-z0-9_+-]{0,30}(?:/[A-Za-z0-9_+-]{1,30}){0,2})(?=;|$)", re.ASCII
)
_MILLISECONDS = re.compile(r"[0-9]{1,5}", re.ASCII)
_MAPPED = IPv6Network("::ffff:0:0/96")


class OriginReader:
    """Reads the origin of each request; knows which proxies to believe."""

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        """Args: networks such as `10.0.0.0/8`."""
        self._trusted = tuple(_parse_network(network) for network in trusted_proxies)

    def read(self, scope: Scope) -> Origin:
        """Return the origin of an HTTP request. Never raises: whatever it carries, somebody sent it."""
        headers = Headers(scope=scope)
        peer = _peer(scope)
        return Origin(
            request_id=self._request_id(headers, peer),
            address=str(self._client(headers, peer)),
            user_agent=headers.get("user-agent", "")[:MAX_USER_AGENT],
            language=_language(headers.get("accept-language", "")),
            time_zone=_time_zone(headers.get("cookie", "")),
            round_trip_ms=_round_trip(headers.get("rtt", "")),
        )

    def _client(self, headers: Headers, peer: IpAddress) -> IpAddress:
        entries = ",".join(headers.getlist("x-forwarded-for")).split(",")
        client = peer
        for entry in [entry for entry in entries if entry.strip()][: -MAX_HOPS - 1 : -1]:
            if not self._is_trusted(client):
                break
            parsed = parse_address(entry)
            if parsed is None:
                return peer
            client = parsed
        return client

    def _request_id(self, headers: Headers, peer: IpAddress) -> str:
        sent = headers.getlist("x-request-id")
        if len(sent) == 1 and _REQUEST_ID.fullmatch(sent[0]) and self._is_trusted(peer):
            return sent[0]
        return new_id("req")

    def _is_trusted(self, address: IpAddress) -> bool:
        return any(address.version == network.version and address in network for network in self._trusted)


def origin_of(request: HTTPConnection) -> Origin:
    """Return what the middleware found out about this request's sender."""
    return cast(Origin, request.scope["state"]["origin"])


def parse_address(text: str) -> IpAddress | None:
    """Return the address in any of the notations that proxies write, or None."""
    return None if len(text) > MAX_ADDRESS_TEXT else _parsed(text)


@lru_cache(maxsize=4096)  # the same few proxies and clients come again and again
def _parsed(text: str) -> IpAddress | None:
    text = text.strip().strip('"')
    if with_port := _WITH_PORT.fullmatch(text):
        text = with_port[1] or with_port[2]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _language(header: str) -> str:
    found = _LANGUAGE.match(header)
    return found[1].lower() if found else ""


def _time_zone(cookies: str) -> str:
    """Return what web/static/zone.js put into its cookie."""
    found = _TIME_ZONE.search(cookies)
    return found[1] if found else ""


def _round_trip(header: str) -> int | None:
    return int(header) if _MILLISECONDS.fullmatch(header) else None


def _peer(scope: Scope) -> IpAddress:
    client = scope.get("client")
    if client is None:
        return LOCAL
    return parse_address(str(client[0])) or UNREADABLE


def _parse_network(text: str) -> Network:
    network = ipaddress.ip_network(text)
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        mapped = cast(IPv4Address, network.network_address.ipv4_mapped)
        return IPv4Network((mapped, network.prefixlen - 96))
    return network
