"""Write a small country database in MaxMind's format (MaxMind DB File Format Specification 2.0), for tests.

IPv4 only, records of 24 bits, at most 28 bytes a text: as much as a test needs.
"""

import ipaddress
import struct
from collections.abc import Mapping
from pathlib import Path

MARKER = b"\xab\xcd\xefMaxMind.com"
DOUBLE = 3
TEXT, UINT16, UINT32, MAP, UINT64, ARRAY = 2, 5, 6, 7, 9, 11


def write_countries(path: Path, countries: Mapping[str, str], *, kind: str = "GeoLite2-Country") -> Path:
    """Args: countries as network -> ISO code, such as {"203.0.113.0/24": "NL"}; networks must not overlap."""
    return _write(
        path, countries, {code: {"country": _map({"iso_code": _text(code)})} for code in countries.values()}, kind
    )


def write_places(path: Path, places: Mapping[str, tuple[str, float, float, int]]) -> Path:
    """Args: places as network -> (ISO code, latitude, longitude, radius in km)."""
    named = {network: f"{place}" for network, place in places.items()}
    records = {
        f"{place}": {
            "country": _map({"iso_code": _text(place[0])}),
            "location": _map(
                {
                    "latitude": _double(place[1]),
                    "longitude": _double(place[2]),
                    "accuracy_radius": _uint(UINT16, place[3]),
                }
            ),
        }
        for place in places.values()
    }
    return _write(path, named, records, "GeoLite2-City")


def write_providers(path: Path, providers: Mapping[str, int]) -> Path:
    """Args: providers as network -> number of the autonomous system."""
    named = {network: str(number) for network, number in providers.items()}
    records = {str(number): {"autonomous_system_number": _uint(UINT32, number)} for number in providers.values()}
    return _write(path, named, records, "GeoLite2-ASN")


def _write(path: Path, named: Mapping[str, str], records: Mapping[str, Mapping[str, bytes]], kind: str) -> Path:
    data = b""
    nodes: list[list[int | str]] = [["", ""]]  # a child: node number, country, or nothing
    for network, country in named.items():
        net = ipaddress.IPv4Network(network)
        bits = f"{int(net.network_address):032b}"[: net.prefixlen]
        node = 0
        for bit in bits[:-1]:
            child = nodes[node][int(bit)]
            if not isinstance(child, int):
                nodes.append(["", ""])
                child = nodes[node][int(bit)] = len(nodes) - 1
            node = child
        nodes[node][int(bits[-1])] = country
    offsets: dict[str, int] = {}
    for country in dict.fromkeys(named.values()):
        offsets[country] = len(data)
        data += _map(records[country])
    tree = b"".join(_record(child, len(nodes), offsets) for node in nodes for child in node)
    metadata = _map(
        {
            "node_count": _uint(UINT32, len(nodes)),
            "record_size": _uint(UINT16, 24),
            "ip_version": _uint(UINT16, 4),
            "database_type": _text(kind),
            "languages": bytes([1, ARRAY - 7]) + _text("en"),
            "binary_format_major_version": _uint(UINT16, 2),
            "binary_format_minor_version": _uint(UINT16, 0),
            "build_epoch": _uint(UINT64, 1_772_000_000),
            "description": _map({"en": _text("made for a test")}),
        }
    )
    path.write_bytes(tree + bytes(16) + data + MARKER + metadata)
    return path


def _record(child: int | str, node_count: int, offsets: Mapping[str, int]) -> bytes:
    if isinstance(child, int):
        return child.to_bytes(3, "big")
    return (node_count + 16 + offsets[child] if child else node_count).to_bytes(3, "big")


def _text(value: str) -> bytes:
    assert len(value) < 29
    return bytes([TEXT << 5 | len(value)]) + value.encode()


def _uint(kind: int, value: int) -> bytes:
    raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return (bytes([kind << 5 | len(raw)]) if kind < 8 else bytes([len(raw), kind - 7])) + raw


def _double(value: float) -> bytes:
    return bytes([DOUBLE << 5 | 8]) + struct.pack(">d", value)


def _map(items: Mapping[str, bytes]) -> bytes:
    # A key may be longer than 28 bytes only in ways these are not.
    return bytes([MAP << 5 | len(items)]) + b"".join(_text(key) + value for key, value in items.items())
