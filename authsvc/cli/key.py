"""`authsvc key`: make values for the settings; rotate and list the keys that sign tokens."""

import base64
from typing import TYPE_CHECKING, Annotated

import typer

from authsvc.core.ids import new_bytes

if TYPE_CHECKING:
    from authsvc.oidc.keys.service import SigningKeys

KEY_BYTES = 32

app = typer.Typer(no_args_is_help=True)


@app.command()
def new(
    master: Annotated[bool, typer.Option("--master", help="A value for AUTHSVC_SECRETS__MASTER_KEYS.")] = False,
    audit: Annotated[bool, typer.Option("--audit", help="A value for AUTHSVC_SECRETS__AUDIT_KEY.")] = False,
) -> None:
    """Print a fresh key. It is stored nowhere: keep it where your other secrets are.

    To rotate the master key, put the new one before the old ones, with a comma: the first seals, all of them open.
    """
    if master == audit:
        raise typer.BadParameter("say --master or --audit")
    value = base64.b64encode(new_bytes(KEY_BYTES)).decode()
    typer.echo(f"k{new_bytes(4).hex()}:{value}" if master else value)


@app.command()
def rotate() -> None:
    """Let new keys sign tokens from now on; the old ones stay published until their last token has expired."""
    keys = _signing_keys()
    keys.rotate()
    minutes = keys.overlap.total_seconds() / 60
    typer.echo(f"New keys sign from now on. The old ones stay published for {minutes:g} minutes.")


@app.command(name="list")
def list_() -> None:
    """List the keys that sign, or signed, tokens."""
    keys = _signing_keys()
    now = keys.clock.now()
    for key in keys.list_keys():
        past = "published" if keys.is_published(key, now=now) else "retired"
        state = "signs" if key.retired_at is None else past
        typer.echo(f"{key.kid}  {key.alg}  {state:<9}  made {key.created_at:%Y-%m-%d %H:%M} UTC")


def _signing_keys() -> "SigningKeys":
    from authsvc.core.audit.service import Audit
    from authsvc.core.clock import SystemClock
    from authsvc.core.database import Database
    from authsvc.core.sealing.service import Vault
    from authsvc.oidc.keys.service import SigningKeys
    from authsvc.settings import load_settings

    settings = load_settings()
    vault = Vault(settings.build_keyring())
    return SigningKeys(Database(settings.database.url), vault, Audit(vault), SystemClock(), settings.tokens)
