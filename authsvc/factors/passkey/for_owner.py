"""What the owner of a passkey sees of it on their page, and reads in an export. Pure."""

from typing import Any

from authsvc.accounts.levels import ProofKind
from authsvc.factors.factor import Way
from authsvc.factors.passkey.store import Passkey


def way_of(passkey: Passkey) -> Way:
    """Return what its owner sees of a passkey."""
    return Way(
        id=passkey.id,
        kind=ProofKind.PASSKEY,
        name=passkey.name,
        detail=_detail(passkey),
        created_at=passkey.created_at,
        last_used_at=passkey.last_used_at,
        counts=passkey.proven_uv_at is not None,
    )


def _detail(passkey: Passkey) -> str:
    if passkey.proven_uv_at is None:
        return "Made by your browser; counts after you sign in with it once"
    return "Synced between your devices" if passkey.backed_up else "On one device only"


def export_of(passkey: Passkey) -> dict[str, Any]:
    """Return what is kept of a passkey. Public keys are no secret; private ones are never here."""
    return {
        "name": passkey.name,
        "credential_id": passkey.credential_id.hex(),
        "public_key": passkey.public_key.hex(),
        "authenticator_model": passkey.aaguid,
        "transports": [*passkey.transports],
        "backed_up": passkey.backed_up,
        "created_at": passkey.created_at.isoformat(),
        "last_used_at": passkey.last_used_at.isoformat() if passkey.last_used_at else None,
    }
