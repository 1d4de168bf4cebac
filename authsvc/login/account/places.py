"""The account's pages that a sign-in or a fresh proof may lead back to: a fixed set, and at most one row's id. Pure.

What a flow keeps of it is read again when the flow ends, so a row that somebody altered leads nowhere else.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import quote

_ROW = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)  # what new_id() makes


class Place(StrEnum):
    """A page of the account's own, which a fresh proof may lead back to."""

    HOME = "/account"
    PASSKEYS = "/account/passkeys"
    ADD_PASSKEY = "/account/passkeys/add"
    REMOVE_PASSKEY = "/account/passkeys/remove"
    PASSWORD = "/account/password"
    CHANGE_PASSWORD = "/account/password/change"
    REMOVE_PASSWORD = "/account/password/remove"
    TOTP = "/account/authenticator"
    SET_UP_TOTP = "/account/authenticator/set-up"
    REMOVE_TOTP = "/account/authenticator/remove"
    RECOVERY_CODES = "/account/recovery-codes"
    SESSIONS = "/account/sessions"
    ACTIVITY = "/account/activity"
    CONSENTS = "/account/consents"
    FACE = "/account/face"
    REMOVE_DEVICE = "/account/face/devices/remove"
    ADDRESS = "/account/address"
    DOWNLOAD = "/account/download"
    DELETE = "/account/delete"


_PATHS = frozenset(place.value for place in Place)


def kept(place: Place, row: str = "") -> dict[str, str]:
    """Return what a flow keeps of where it leads. Args: row is the id of what the page is about."""
    return {"next": place.value, "row": row} if _ROW.fullmatch(row) else {"next": place.value}


def destination(params: Mapping[str, str]) -> str:
    """Return the path that `kept` stands for; the account's first page where it stands for none."""
    place, row = params.get("next", ""), params.get("row", "")
    if place not in _PATHS:
        return Place.HOME
    return f"{place}?id={quote(row)}" if _ROW.fullmatch(row) else place
