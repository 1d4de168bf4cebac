"""`authsvc user`: invite analysts, grant roles."""

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)

ROLES = ("analyst",)


@app.command()
def invite(role: Annotated[str, typer.Option(help="What the invited person may do.")] = "analyst") -> None:
    """Print a one-time link, good for a day, with which somebody enrols and is given a role."""
    from authsvc.app import build_services
    from authsvc.settings import load_settings

    _check(role)
    typer.echo(build_services(load_settings()).staff.invite(role))


@app.command()
def grant(email: str, role: Annotated[str, typer.Option(help="What the person may do.")] = "analyst") -> None:
    """Give a role to an account that exists. The console still asks them for a passkey."""
    from authsvc.accounts.addresses import normalise
    from authsvc.accounts.store import find_account_by_email, grant_role
    from authsvc.app import build_services
    from authsvc.settings import load_settings

    _check(role)
    services = build_services(load_settings())
    now = services.clock.now()
    with services.database.write() as connection:
        account = find_account_by_email(connection, normalise(email))
        if account is None:
            raise typer.BadParameter("nobody has this address")
        grant_role(connection, account.id, role, now)
        services.audit.record(connection, "cli:role:granted", now=now, account_id=account.id, facts={"role": role})
    typer.echo(f"{email} is {role} now.")


def _check(role: str) -> None:
    if role not in ROLES:
        raise typer.BadParameter(f"a role is one of: {', '.join(ROLES)}")
