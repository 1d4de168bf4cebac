"""Where a webhook may go. Pure: the names are resolved elsewhere, the addresses are judged here.

A webhook's address is chosen by whoever runs a shop, and our server opens the connection: without these rules it would
fetch what only our network can reach (server-side request forgery).

1. https, a host and a path; no name or password, no fragment;
2. every address that the host resolves to is public: none of the special ranges (IANA's special-purpose registries, as
   `ipaddress` has them), no multicast, no IPv6 address with one of those inside (mapped, 6to4, Teredo, NAT64), and of
   IPv6 only what is given out at all (2000::/3): site-local and IPv4-compatible addresses pass for global elsewhere;
3. the address that was judged is the address that is connected to; see http_client_sender.py.

`allow_private` lifts 2, and https for this machine: for tests, the demo, and shops inside the operator's own network.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from authsvc.core.errors import BadInput

MAX_URL = 2000

_PRINTABLE = re.compile(r"[!-~]+")
_GLOBAL_UNICAST = IPv6Network("2000::/3")  # RFC 4291, 2.4; IANA gives out nothing else
_DOCUMENTATION = IPv6Network("3fff::/20")  # RFC 9637
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052


@dataclass(frozen=True)
class Destination:
    """A webhook's address, taken apart."""

    scheme: str
    host: str
    port: int
    target: str  # path and query
    authority: str  # for the Host header


def parse_destination(url: str, *, allow_private: bool) -> Destination:
    """Take a webhook's address apart.

    Raises:
        BadInput: `webhook.url`: it breaks rule 1.
    """
    problem = BadInput("webhook.url", "A webhook's address is https, with a host, and no password or fragment.")
    if len(url) > MAX_URL or not _PRINTABLE.fullmatch(url) or "#" in url or "\\" in url:
        raise problem
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as unreadable:
        raise problem from unreadable
    if not host or "@" in parts.netloc:
        raise problem
    if parts.scheme != "https" and not (parts.scheme == "http" and allow_private and _is_this_machine(host)):
        raise problem
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    default = 443 if parts.scheme == "https" else 80
    return Destination(parts.scheme, host, port or default, target, parts.netloc)


def is_public(address: str) -> bool:
    """Return whether everybody on the internet can reach this IP address (rule 2)."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        hidden = _hidden(ip)
        if hidden is not None:
            return is_public(str(hidden))
        if ip not in _GLOBAL_UNICAST or ip in _DOCUMENTATION:
            return False
    return ip.is_global and not ip.is_multicast


def _hidden(ip: IPv6Address) -> IPv4Address | None:
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    if ip.teredo is not None:
        return ip.teredo[1]
    return ip.ipv4_mapped or ip.sixtofour


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
