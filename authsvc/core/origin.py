"""Where a request came from: the facts about it that services may record or weigh.

Reading an address takes longer than it seems, and one request asks several times: the newest are remembered.
"""

import ipaddress
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Origin:
    """One HTTP request's sender, as web/origin.py found it.

    `address` is the client's IP address in its canonical notation (behind trusted proxies: the one they saw).
    """

    request_id: str
    address: str
    user_agent: str
    language: str = ""  # of the pages that the browser would like best; "" where it says nothing, as below
    time_zone: str = ""
    round_trip_ms: int | None = None  # as the browser estimates it

    @property
    def network(self) -> str:
        """The /24 (IPv4) or /48 (IPv6) the address lies in, such as `203.0.113.0/24`."""
        return network_of(self.address)

    @property
    def source(self) -> str:
        """What rate limits count by: one IPv4 address, or one IPv6 /64, which is what one household gets."""
        return _source_of(self.address)


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """Return the /24 or /48 around an address; an IPv4-mapped IPv6 address counts as IPv4.

    Raises:
        ValueError: not an IP address.
    """
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is None:
            return str(ipaddress.ip_network((ip, 48), strict=False))
        ip = ip.ipv4_mapped
    return str(ipaddress.ip_network((ip, 24), strict=False))


@lru_cache(maxsize=4096)
def _source_of(address: str) -> str:
    ip = ipaddress.ip_address(address)
    return str(ip) if ip.version == 4 else str(ipaddress.ip_network((ip, 64), strict=False))
