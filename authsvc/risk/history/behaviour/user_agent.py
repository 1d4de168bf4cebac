"""What a user agent says of itself: kind of device, system, browser. Wraps ua-parser.

No versions: a browser has a new one each month, and who steals a password can copy the newest as well as the owner's.
An absent one, or one that no browser would send, is unknown. What can't be recognised is a value of its own ("Other"):
programs are alike in that.
"""

from functools import lru_cache
from typing import NamedTuple

from ua_parser import parse

MOST_READ = 512  # characters: what web/origin.py lets through, and what parsing may cost


class Agent(NamedTuple):
    device: str | None = None
    system: str | None = None
    browser: str | None = None


def read_agent(text: str) -> Agent:
    """Return what the user agent says; parts of it None where it says nothing."""
    text = text[:MOST_READ].strip()
    return _parsed(text) if text.isprintable() and text else Agent()


@lru_cache(maxsize=4096)  # parsing takes a tenth of a millisecond, and most customers have one of a few hundred
def _parsed(text: str) -> Agent:
    found = parse(text)
    system = found.os.family if found.os else "Other"
    browser = found.user_agent.family if found.user_agent else "Other"
    return Agent(_device(text), system[:40], browser[:40])


def _device(text: str) -> str:
    if "iPad" in text or ("Android" in text and "Mobi" not in text):
        return "tablet"
    return "mobile" if "Mobi" in text or "iPhone" in text else "desktop"
