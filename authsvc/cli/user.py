"""`authsvc user`: invite analysts, grant roles, import customers."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)

ROLES = ("analyst",)


class Source(StrEnum):
    """Whose export a file is."""

    PLAIN = "plain"
    KEYCLOAK = "keycloak"
    AUTH0 = "auth0"
    WOOCOMMERCE = "woocommerce"


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


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="One customer a line, as JSON.")],
    source: Annotated[Source, typer.Option("--map", help="Whose export it is.")] = Source.PLAIN,
    trust_addresses: Annotated[
        bool, typer.Option("--trust-addresses", help="Take customers whose address was never verified there, too.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read everything, write nothing.")] = False,
    report: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write every refused line's number and reason here.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Read from the beginning a file that was read before.")
    ] = False,
) -> None:
    """Import customers of another system with their password hashes. See docs/guides/import.md."""
    from authsvc.cli.user_import import Options, run_import

    raise typer.Exit(run_import(Options(file, source.value, trust_addresses, dry_run, report, again)))


@app.command()
def imported() -> None:
    """Print which account was who in the system it was imported from: one JSON object a line."""
    from authsvc.cli.user_import import print_imported

    print_imported()


@app.command()
def tariff() -> None:
    """Count the imported hashes that nobody has used yet, and charge password checks for these only."""
    from authsvc.cli.user_import import renew_tariff

    renew_tariff()


def _check(role: str) -> None:
    if role not in ROLES:
        raise typer.BadParameter(f"a role is one of: {', '.join(ROLES)}")
