"""What people call the place where a passkey lives: from the operator's list, by AAGUID.

The list is the community's passkey-authenticator-aaguids (a JSON object: AAGUID -> name, icon_light, icon_dark). Under
attestation `none` an AAGUID is a claim, so the name is a help for its owner and decides nothing.

An icon is only ever used as the source of an image, where a script in an SVG does not run: it must be a `data:` URL
of a PNG or an SVG in base64, of at most 64 KiB, or there is none. Nothing is fetched from elsewhere.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from authsvc.factors.passkey.attestation import AAGUID
from authsvc.settings import SettingsProblem

SETTING = "AUTHSVC_PASSKEYS__AUTHENTICATOR_NAMES"
UNNAMED = "Passkey"
MAX_NAME = 60
MAX_ICON_CHARACTERS = 64 * 1024
MAX_FILE_BYTES = 32 * 1024 * 1024
_ICON: Final = re.compile(r"data:image/(png|svg\+xml);base64,[A-Za-z0-9+/]+={0,2}")


@dataclass(frozen=True)
class Provider:
    """A passkey provider or authenticator model; icons are `data:` URLs."""

    name: str
    icon_light: str | None = None
    icon_dark: str | None = None


NOBODY = Provider(UNNAMED)


@dataclass(frozen=True)
class AuthenticatorNames:
    """The list."""

    providers: Mapping[str, Provider] = field(default_factory=dict)

    def of(self, aaguid: str) -> Provider:
        """Return who the AAGUID stands for; NOBODY where the list does not know it."""
        return self.providers.get(aaguid, NOBODY)


NO_NAMES = AuthenticatorNames()


def load_names(path: Path | None) -> AuthenticatorNames:
    """Read the list that the settings name.

    Raises:
        SettingsProblem: it can't be read, or is no such list.
    """
    if path is None:
        return NO_NAMES
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise ValueError("it is too large")
        return parse_names(json.loads(content))
    except (OSError, ValueError, RecursionError) as problem:
        raise SettingsProblem(f"authsvc can't start:\n  {SETTING}: {path}: {problem}") from problem


def parse_names(listed: Any) -> AuthenticatorNames:
    """Return the list in decoded JSON. Raises ValueError: it is no such list."""
    if not isinstance(listed, dict):
        raise ValueError("it is no JSON object of AAGUIDs")
    return AuthenticatorNames({aaguid.lower(): _provider(aaguid, entry) for aaguid, entry in listed.items()})


def _provider(aaguid: str, entry: Any) -> Provider:
    if not AAGUID.fullmatch(aaguid.lower()) or not isinstance(entry, dict):
        raise ValueError(f"{aaguid[:40]!r} is no AAGUID with an entry")
    name = entry.get("name")
    if not isinstance(name, str) or not (tidy := " ".join(name.split())) or not tidy.isprintable():
        raise ValueError(f"{aaguid} has no name")
    return Provider(tidy[:MAX_NAME], _icon(entry.get("icon_light")), _icon(entry.get("icon_dark")))


def _icon(value: Any) -> str | None:
    usable = isinstance(value, str) and len(value) <= MAX_ICON_CHARACTERS and _ICON.fullmatch(value)
    return value if usable else None
