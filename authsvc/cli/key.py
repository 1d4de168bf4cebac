"""`authsvc key`: make values for the settings; rotate the keys that sign tokens; renew those of face templates."""

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


@app.command(name="renew-faces")
def renew_faces() -> None:
    """Turn every kept face template to a new key, without a capture; copies of before match nothing any more.

    The master key protects the new keys too: where it may have leaked, rotate that first.
    """
    from authsvc.core.audit.service import Audit
    from authsvc.core.clock import SystemClock
    from authsvc.core.database import Database
    from authsvc.core.sealing.cipher import CannotOpen
    from authsvc.core.sealing.service import Vault
    from authsvc.factors.face.store import list_template_owners
    from authsvc.factors.face.templates.service import Templates
    from authsvc.settings import load_settings

    settings = load_settings()
    vault, database = Vault(settings.build_keyring()), Database(settings.database.url)
    templates, clock = Templates(vault, Audit(vault)), SystemClock()
    with database.read() as connection:
        owners = list_template_owners(connection)
    renewed, damaged = 0, []
    for account_id in owners:  # one short transaction each: sign-ins go on meanwhile
        try:
            with database.write() as connection:
                renewed += templates.renew(connection, account_id, now=clock.now())
        except CannotOpen:
            damaged.append(account_id)
    typer.echo(f"Renewed {renewed} of {len(owners)} face templates.")
    if damaged:
        typer.echo(f"These can't be opened, and match nothing: {', '.join(damaged)}", err=True)
        raise typer.Exit(1)


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
