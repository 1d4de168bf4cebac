"""`authsvc user`: invite analysts, grant roles, import customers, and what staff may do to an account."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from authsvc.cli.deployment import open_services

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from authsvc.core.origin import Origin

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
    _check(role)
    typer.echo(open_services().staff.invite(role))


@app.command()
def grant(email: str, role: Annotated[str, typer.Option(help="What the person may do.")] = "analyst") -> None:
    """Give a role to an account that exists. The console still asks them for a passkey."""
    from authsvc.accounts.store import grant_role

    _check(role)
    services = open_services()
    now = services.clock.now()
    with services.database.write() as connection:
        account_id = _account_id(connection, email)
        grant_role(connection, account_id, role, now)
        services.audit.record(connection, "cli:role:granted", now=now, account_id=account_id, facts={"role": role})
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


@app.command()
def recover(email: str) -> None:
    """Start a recovery for a customer who lost every stronger factor. It waits like any other."""
    due_at = open_services().recoveries.start_for(email)
    typer.echo(
        f"Every address of {email} is told. From {due_at:%d %B %Y, %H:%M} UTC on, whoever reads the mailbox can make a "
        "new passkey or password under /login/recovery, unless somebody stops it before."
    )


@app.command()
def lock(email: str) -> None:
    """Lock an account: nobody signs in to it, and whoever is signed in is signed out. Nothing is deleted."""
    _change_lock(email, locked=True)


@app.command()
def unlock(email: str) -> None:
    """Unlock an account that was locked."""
    _change_lock(email, locked=False)


@app.command()
def export(email: str) -> None:
    """Print everything that is kept about a person, as JSON."""
    import json

    services = open_services()
    now = services.clock.now()
    with services.database.write() as connection:
        account_id = _account_id(connection, email)
        services.audit.record(connection, "cli:account:exported", now=now, account_id=account_id)
    with services.database.snapshot() as connection:
        data = services.leaving.collect(connection, account_id, now=now)
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False))


@app.command()
def erase(
    email: str, yes: Annotated[bool, typer.Option("--yes", help="Don't ask; there is no way back.")] = False
) -> None:
    """Delete a person with everything that is kept about them, at once and for good. They get a last mail."""
    services = open_services()
    if not yes:
        typer.confirm(f"Erase {email} for good?", abort=True)
    with services.database.write() as connection:
        account_id = _account_id(connection, email)
        services.leaving.erase(connection, account_id, by="operator", origin=_here(), now=services.clock.now())
    typer.echo(f"{email} is erased. The id {account_id} is never given to anybody else.")


def _change_lock(email: str, *, locked: bool) -> None:
    services = open_services()
    change = services.locks.freeze if locked else services.locks.unfreeze
    with services.database.write() as connection:
        account_id = _account_id(connection, email)
        changed = change(connection, account_id, origin=_here(), now=services.clock.now())
    state = "locked" if locked else "unlocked"
    typer.echo(f"{email} is {state} now." if changed else f"{email} was {state} already.")


def _account_id(connection: "Connection", email: str) -> str:
    from authsvc.accounts.addresses import normalise
    from authsvc.accounts.store import find_account_by_email

    account = find_account_by_email(connection, normalise(email))
    if account is None:
        raise typer.BadParameter("nobody has this address")
    return account.id


def _here() -> "Origin":
    """Return where the command line is: this machine, and no request."""
    from authsvc.core.origin import Origin

    return Origin("cli", "127.0.0.1", "authsvc user")


def _check(role: str) -> None:
    if role not in ROLES:
        raise typer.BadParameter(f"a role is one of: {', '.join(ROLES)}")
