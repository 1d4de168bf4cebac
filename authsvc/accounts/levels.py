"""Levels of proof: from what a session has proven, and when, to the `acr` and `amr` that hold now.

    email < pwd < pwd_email < mfa < phr            urn:authsvc:acr:NAME

    email      an emailed code alone
    pwd        a password; also what a session is worth when its higher proofs have aged
    pwd_email  a password and an emailed code
    mfa        two kinds of proof: a password and a one-time password, recovery code or device-bound face
    phr        phishing-resistant: a passkey with user verification

A level above `pwd` lasts `raised` (settings, 15 minutes) after the proof that it rests on; the session itself lasts
longer. An emailed code is not a second *kind* here: whoever resets a password holds the mailbox too.
`amr` values are those of RFC 8176. Pure.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

URN = "urn:authsvc:acr:"


class Level(IntEnum):
    """Ordered: a higher one satisfies a demand for a lower one."""

    NONE = 0
    EMAIL = 1
    PWD = 2
    PWD_EMAIL = 3
    MFA = 4
    PHR = 5

    @property
    def acr(self) -> str:
        return URN + self.name.lower()


class ProofKind(StrEnum):
    PASSWORD = "password"
    PASSKEY = "passkey"
    EMAIL_CODE = "email_code"
    TOTP = "totp"
    RECOVERY_CODE = "recovery_code"
    FACE = "face"  # only ever recorded for a capture bound to a device key that passed attack detection


SECOND_KINDS = (ProofKind.TOTP, ProofKind.RECOVERY_CODE, ProofKind.FACE)

_AMR = {
    ProofKind.PASSWORD: ("pwd",),
    ProofKind.PASSKEY: ("pop", "user"),
    ProofKind.EMAIL_CODE: ("otp",),
    ProofKind.TOTP: ("otp",),
    ProofKind.RECOVERY_CODE: ("otp",),
    ProofKind.FACE: ("face", "pop"),
}

Proofs = Mapping[ProofKind, datetime]


def level_now(proofs: Proofs, *, now: datetime, raised: timedelta) -> Level:
    """Return the highest level that these proofs hold at `now`."""
    fresh = _fresh(proofs, now, raised)
    if ProofKind.PASSKEY in fresh:
        return Level.PHR
    if ProofKind.PASSWORD in proofs and any(kind in fresh for kind in SECOND_KINDS):
        return Level.MFA
    if ProofKind.PASSWORD in proofs and ProofKind.EMAIL_CODE in fresh:
        return Level.PWD_EMAIL
    if ProofKind.PASSWORD in proofs or ProofKind.PASSKEY in proofs:
        return Level.PWD
    if ProofKind.EMAIL_CODE in proofs:
        return Level.EMAIL
    return Level.NONE


def amr_now(proofs: Proofs, *, now: datetime, raised: timedelta) -> tuple[str, ...]:
    """Return the methods behind level_now, in a fixed order, with `mfa` where two kinds were proven."""
    fresh = _fresh(proofs, now, raised)
    counted = set(fresh) | ({ProofKind.PASSWORD, ProofKind.PASSKEY} & set(proofs))
    methods = {method for kind in counted for method in _AMR[kind]}
    if level_now(proofs, now=now, raised=raised) >= Level.MFA:
        methods.add("mfa")
    return tuple(sorted(methods))


def proven_within(proofs: Proofs, *, now: datetime, window: timedelta) -> Level:
    """Return the level that the proofs of the last `window` reach alone: older ones count for nothing."""
    recent = {kind: at for kind, at in proofs.items() if timedelta(0) <= now - at <= window}
    return level_now(recent, now=now, raised=window + timedelta(microseconds=1))


def auth_time(proofs: Proofs) -> datetime | None:
    """Return the time of the last real proof; silent sign-on and refresh never move it."""
    return max(proofs.values(), default=None)


def parse_acr(value: str) -> Level | None:
    """Return the level an `acr` value names, or None for one that is not ours."""
    if not value.startswith(URN):
        return None
    name = value.removeprefix(URN).upper()
    return Level[name] if name in Level.__members__ and name != "NONE" else None


def requested_level(acr_values: str | None) -> Level:
    """Return the lowest level that satisfies `acr_values` (any of them will do, OpenID Connect Core 3.1.2.1)."""
    known = [level for value in (acr_values or "").split() if (level := parse_acr(value))]
    return min(known, default=Level.NONE)


def reachable(kinds: Iterable[ProofKind]) -> Level:
    """Return the highest level that somebody with these factors can reach."""
    owned = set(kinds)
    if ProofKind.PASSKEY in owned:
        return Level.PHR
    if ProofKind.PASSWORD in owned:
        if owned & set(SECOND_KINDS):
            return Level.MFA
        return Level.PWD_EMAIL if ProofKind.EMAIL_CODE in owned else Level.PWD
    return Level.EMAIL if ProofKind.EMAIL_CODE in owned else Level.NONE


def _fresh(proofs: Proofs, now: datetime, raised: timedelta) -> set[ProofKind]:
    return {kind for kind, proven_at in proofs.items() if timedelta(0) <= now - proven_at < raised}
