"""Web origins as browsers spell them (RFC 6454, 6.2): scheme, host, and the port where it is not the usual one. Pure.

Origins are compared as whole texts, so what an operator writes down must be what a browser sends: lower case, no slash
at the end, an international name in its ASCII form.
"""

import re
from urllib.parse import urlsplit

_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_USUAL_PORTS = {"https": 443, "http": 80}
# Second-level names below which many countries register, as in `shop.co.uk`.
_SECOND_LEVEL = frozenset({"ac", "co", "com", "edu", "gob", "gov", "gv", "mil", "ne", "net", "nom", "or", "org"})


def check_origin(text: str) -> str:
    """Return the origin, which must be https; http only on localhost.

    Raises:
        ValueError: it is none, or not spelled as a browser spells it.
    """
    parts = urlsplit(text)
    host, port = parts.hostname or "", parts.port
    if parts.scheme != "https" and not (parts.scheme == "http" and host == "localhost"):
        raise ValueError(f"{text!r} must be an https origin (http only on localhost)")
    spelled = f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, _USUAL_PORTS[parts.scheme]) else "")
    if not _HOST.fullmatch(host) or text != spelled:
        raise ValueError(f"{text!r} must be an origin only, as a browser spells it")
    return text


def is_host(name: str) -> bool:
    """Return whether it is a host name as it stands in an origin."""
    return _HOST.fullmatch(name) is not None


def lies_within(host: str, domain: str) -> bool:
    """Return whether the host is the domain, or below it."""
    return host == domain or host.endswith("." + domain)


def registrable_label(origin: str) -> str:
    """Return about what browsers count related origins by: the `shop` of https://id.shop.example and https://shop.co.uk.

    Browsers look into the public suffix list; this knows its most frequent kinds only, and errs elsewhere.
    """
    names = (urlsplit(origin).hostname or "").split(".")
    below_country = len(names) >= 3 and len(names[-1]) == 2 and names[-2] in _SECOND_LEVEL
    return names[-3] if below_country else names[-2] if len(names) >= 2 else names[0]
