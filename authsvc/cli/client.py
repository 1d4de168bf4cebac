"""`authsvc client`: the shops and apps that sign people in here, their brands, and the servers that call the API."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from authsvc.accounts.levels import Level

if TYPE_CHECKING:
    from authsvc.accounts.events.service import Webhooks
    from authsvc.oidc.branding.service import Branding
    from authsvc.oidc.clients.service import ClientRegistry

app = typer.Typer(no_args_is_help=True)

_LEVELS = tuple(level.name.lower() for level in Level if level is not Level.NONE)


@app.command()
def add(
    name: Annotated[str, typer.Option(help="What customers call it.")],
    redirect_uri: Annotated[
        list[str] | None, typer.Option(help="Where sign-ins come back; compared exactly. Repeatable.")
    ] = None,
    post_logout_redirect_uri: Annotated[
        list[str] | None, typer.Option(help="Where people go after signing out. Repeatable.")
    ] = None,
    auth_method: Annotated[
        str, typer.Option(help="client_secret_basic, client_secret_post, or none for apps that can't keep a secret.")
    ] = "client_secret_basic",
    minimum_level: Annotated[str, typer.Option(help=f"The least proof it accepts: {', '.join(_LEVELS)}.")] = "pwd",
    id_token_alg: Annotated[str, typer.Option(help="What signs its ID tokens: RS256 or ES256.")] = "RS256",
    refresh: Annotated[bool, typer.Option(help="Whether it gets refresh tokens.")] = True,
    support_contact: Annotated[str, typer.Option(help="Where its customers can turn: a link or a mail address.")] = "",
    direct_attestation: Annotated[
        bool, typer.Option("--direct-attestation", help="Take passkeys only of models that FIDO metadata vouches for.")
    ] = False,
    aaguid: Annotated[
        list[str] | None, typer.Option(help="With --direct-attestation: only these models. Repeatable.")
    ] = None,
    service: Annotated[
        bool, typer.Option("--service", help="A server that calls the account API; it signs nobody in.")
    ] = False,
    scope: Annotated[
        list[str] | None, typer.Option(help="What a service may do, such as accounts:read. Repeatable.")
    ] = None,
) -> None:
    """Register a client; print its id and its secret, which is shown this once."""
    if minimum_level not in _LEVELS:
        raise typer.BadParameter(f"--minimum-level is one of: {', '.join(_LEVELS)}")
    if service != bool(scope) or (service and redirect_uri):
        raise typer.BadParameter("--service and --scope go together, and a service has no --redirect-uri")
    from authsvc.factors.passkey.attestation import AttestationPolicy

    attestation = AttestationPolicy(direct_attestation, frozenset(each.lower() for each in aaguid or ()))
    if attestation.direct and not _has_metadata():
        raise typer.BadParameter("--direct-attestation needs AUTHSVC_PASSKEYS__METADATA_BLOB: none would be taken")
    # The registry checks these again, and says what it would take.
    checked_there: dict[str, Any] = {"auth_method": auth_method}
    secret: str | None
    if service:
        client, secret = _registry().register_service(name=name, scopes=scope or (), **checked_there)
    else:
        client, secret = _registry().register_client(
            name=name,
            redirect_uris=redirect_uri or (),
            post_logout_redirect_uris=post_logout_redirect_uri or (),
            grant_types=("authorization_code", "refresh_token") if refresh else ("authorization_code",),
            minimum_level=Level[minimum_level.upper()],
            support_contact=support_contact,
            attestation=attestation,
            id_token_alg=id_token_alg,  # type: ignore[arg-type]  # checked there, too
            **checked_there,
        )
    typer.echo(f"client_id      {client.id}")
    typer.echo(f"client_secret  {secret or '(none: a public client)'}")


@app.command(name="list")
def list_() -> None:
    """List the clients, disabled ones too. Secrets can't be shown again."""
    for client in _registry().list_clients():
        state = "active" if client.is_active else "disabled"
        what = " ".join(client.scopes) if client.is_service else client.minimum_level.name.lower()
        typer.echo(f"{client.id}  {state}  {what}  {client.auth_method}  {client.name}")
        for uri in client.redirect_uris:
            typer.echo(f"    {uri}")


@app.command()
def disable(client_id: str) -> None:
    """Refuse a client from now on: no new sign-in, no refresh, no token for the API, and no events for it."""
    _registry().disable_client(client_id)
    typer.echo(f"{client_id} is disabled.")


@app.command()
def brand(
    client_id: str,
    name: Annotated[str | None, typer.Option(help="What its customers call it.")] = None,
    logo: Annotated[
        Path | None, typer.Option(help="A PNG or WebP, about 48 pixels high and twice that for sharp screens.")
    ] = None,
    accent: Annotated[str | None, typer.Option(help="The colour of links and of the first button, as #rrggbb.")] = None,
    accent_dark: Annotated[
        str | None, typer.Option(help="The same on dark pages; made from --accent where it is not given.")
    ] = None,
    support_url: Annotated[
        str | None, typer.Option(help="Where its customers can turn: https or a mail address.")
    ] = None,
    mail_footer: Annotated[str | None, typer.Option(help="Plain text under its mails; \\n for a new line.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Look like the service itself again.")] = False,
) -> None:
    """Show a client's brand; change what is given. Pages show a change within a minute."""
    branding = _branding()
    if remove:
        branding.remove_brand(client_id)
        typer.echo(f"{client_id} has no brand of its own any more.")
        return
    given = {
        "name": name,
        "logo": _read(logo) if logo else None,
        "accent": accent,
        "accent_dark": accent_dark,
        "support": support_url,
        "mail_footer": mail_footer.replace("\\n", "\n") if mail_footer else mail_footer,
    }
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    shown = branding.set_brand(client_id, **changes) if changes else branding.find(client_id)
    if shown is None:
        typer.echo(f"{client_id} has no brand of its own.")
        return
    typer.echo(f"name         {shown.name}")
    typer.echo(f"logo         {f'{shown.logo_width} x {shown.logo_height}' if shown.logo_hash else '(none)'}")
    typer.echo(f"accent       {shown.accent or '(the service’s own)'}")
    typer.echo(f"accent dark  {shown.accent_dark or '(the service’s own)'}")
    typer.echo(f"support      {shown.support or '(the service’s own)'}")
    typer.echo(f"mail footer  {shown.mail_footer or '(none)'}")


@app.command()
def mail(
    client_id: str,
    texts: Annotated[
        Path | None, typer.Option(help="A folder with KIND.txt for each mail in its own words; the others stay ours.")
    ] = None,
    write: Annotated[Path | None, typer.Option(help="Write all texts as they are now into an empty folder.")] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show every mail with examples; with --texts, before it is kept.")
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Our words again.")] = False,
) -> None:
    """List the kinds of mails and whose words they have; give a client its own."""
    if sum((texts is not None, write is not None, remove)) > 1:
        raise typer.BadParameter("one of --texts, --write and --remove at a time")
    from authsvc.cli.client_mail import change_mails

    change_mails(_branding(), client_id, texts=texts, write=write, preview=preview, remove=remove)


@app.command()
def webhook(
    client_id: str,
    url: Annotated[
        str | None, typer.Option(help="Where to tell it that an account was created, changed or erased.")
    ] = None,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make a new secret; the old one signs too for 24 hours.")
    ] = False,
    off: Annotated[bool, typer.Option("--off", help="Tell it nothing more.")] = False,
) -> None:
    """Show a client's webhook; set its address, replace its secret, or switch it off."""
    if sum((url is not None, rotate, off)) > 1:
        raise typer.BadParameter("one of --url, --rotate and --off at a time")
    _registry().get_client(client_id)
    webhooks = _webhooks()
    secret = None
    if url is not None:
        secret = webhooks.set_url(client_id, url)
    elif rotate:
        secret = webhooks.rotate(client_id)
    elif off:
        webhooks.switch_off(client_id)
    found = webhooks.find(client_id)
    if found is None:
        typer.echo(f"{client_id} has no webhook.")
        return
    state = f"off: {found.disable_reason}" if found.disabled_at else "on"
    typer.echo(f"url     {found.url}  ({state})")
    if secret is not None:
        typer.echo(f"secret  {secret}   (shown this once)")


def _read(path: Path) -> bytes:
    from authsvc.oidc.branding.pillow_logo import MAX_BYTES

    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as problem:
        raise typer.BadParameter(f"--logo: {problem.strerror}") from problem


def _has_metadata() -> bool:
    from authsvc.settings import load_settings

    return load_settings().passkeys.metadata_blob is not None


def _registry() -> "ClientRegistry":
    from authsvc.oidc.clients.service import ClientRegistry

    parts = _parts()
    return ClientRegistry(parts["database"], parts["audit"], parts["clock"])


def _branding() -> "Branding":
    from authsvc.oidc.branding.service import Branding

    parts = _parts()
    return Branding(parts["database"], parts["audit"], parts["clock"])


def _webhooks() -> "Webhooks":
    from authsvc.accounts.events.service import Webhooks

    return Webhooks(**_parts())


def _parts() -> dict[str, Any]:
    from authsvc.core.audit.service import Audit
    from authsvc.core.clock import SystemClock
    from authsvc.core.database import Database
    from authsvc.core.sealing.service import Vault
    from authsvc.settings import load_settings

    settings = load_settings()
    vault = Vault(settings.build_keyring())
    return {
        "database": Database(settings.database.url),
        "vault": vault,
        "audit": Audit(vault),
        "clock": SystemClock(),
        "allow_private": settings.webhooks.allow_private,
    }
