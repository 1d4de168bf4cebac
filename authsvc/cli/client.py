"""`authsvc client`: the shops and apps that sign people in here."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from authsvc.accounts.levels import Level

if TYPE_CHECKING:
    from authsvc.oidc.clients.service import ClientRegistry

app = typer.Typer(no_args_is_help=True)

_LEVELS = tuple(level.name.lower() for level in Level if level is not Level.NONE)


@app.command()
def add(
    name: Annotated[str, typer.Option(help="What customers call it.")],
    redirect_uri: Annotated[list[str], typer.Option(help="Where sign-ins come back; compared exactly. Repeatable.")],
    post_logout_redirect_uri: Annotated[
        list[str] | None, typer.Option(help="Where people go after signing out. Repeatable.")
    ] = None,
    auth_method: Annotated[
        str, typer.Option(help="client_secret_basic, client_secret_post, or none for apps that can't keep a secret.")
    ] = "client_secret_basic",
    minimum_level: Annotated[str, typer.Option(help=f"The least proof it accepts: {', '.join(_LEVELS)}.")] = "pwd",
    id_token_alg: Annotated[str, typer.Option(help="What signs its ID tokens: RS256 or ES256.")] = "RS256",  # noqa: S107
    refresh: Annotated[bool, typer.Option(help="Whether it gets refresh tokens.")] = True,
    support_contact: Annotated[str, typer.Option(help="Where its customers can turn: a link or a mail address.")] = "",
) -> None:
    """Register a client; print its id and its secret, which is shown this once."""
    if minimum_level not in _LEVELS:
        raise typer.BadParameter(f"--minimum-level is one of: {', '.join(_LEVELS)}")
    # The registry checks these again, and says what it would take.
    checked_there: dict[str, Any] = {"auth_method": auth_method, "id_token_alg": id_token_alg}
    client, secret = _registry().register_client(
        name=name,
        redirect_uris=redirect_uri,
        post_logout_redirect_uris=post_logout_redirect_uri or (),
        grant_types=("authorization_code", "refresh_token") if refresh else ("authorization_code",),
        minimum_level=Level[minimum_level.upper()],
        support_contact=support_contact,
        **checked_there,
    )
    typer.echo(f"client_id      {client.id}")
    typer.echo(f"client_secret  {secret or '(none: a public client)'}")


@app.command(name="list")
def list_() -> None:
    """List the clients, disabled ones too. Secrets can't be shown again."""
    for client in _registry().list_clients():
        state = "active" if client.is_active else "disabled"
        typer.echo(f"{client.id}  {state}  {client.minimum_level.name.lower()}  {client.auth_method}  {client.name}")
        for uri in client.redirect_uris:
            typer.echo(f"    {uri}")


@app.command()
def disable(client_id: str) -> None:
    """Refuse a client from now on: no new sign-in, no refresh, and userinfo tells it nothing more."""
    _registry().disable_client(client_id)
    typer.echo(f"{client_id} is disabled.")


def _registry() -> "ClientRegistry":
    from authsvc.core.audit.service import Audit
    from authsvc.core.clock import SystemClock
    from authsvc.core.database import Database
    from authsvc.core.sealing.service import Vault
    from authsvc.oidc.clients.service import ClientRegistry
    from authsvc.settings import load_settings

    settings = load_settings()
    return ClientRegistry(Database(settings.database.url), Audit(Vault(settings.build_keyring())), SystemClock())
