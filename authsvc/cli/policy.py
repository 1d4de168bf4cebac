"""`authsvc policy`: check and show a policy, propose and activate a version, try one on past decisions.

    authsvc policy check FILE
    authsvc policy show [FILE | VERSION]               without either: what is in force
    authsvc policy list
    authsvc policy propose FILE [--shadow] --note TEXT --by EMAIL
    authsvc policy activate PROPOSAL --by EMAIL
    authsvc policy withdraw PROPOSAL --by EMAIL
    authsvc policy end-shadow --by EMAIL
    authsvc policy replay [--policy FILE | VERSION] [--since 30d] [--json]     exit 1: something did not come out equal

`--by` names an analyst. It is written down, not proven: in the console it is (docs/guides/policy.md).
"""

import json
import os
import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from authsvc.cli.deployment import open_services

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from authsvc.risk.policies.service import Actor
    from authsvc.risk.policy import Policy
    from authsvc.wiring.services import Services

app = typer.Typer(no_args_is_help=True)

EXIT_UNEQUAL = 1
_SPAN = re.compile(r"(\d{1,5})([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 24 * 7}

By = Annotated[str, typer.Option(help="Address of the analyst who does it.")]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A policy in TOML.")]


@app.command()
def check(file: File) -> None:
    """Say whether a file can be a policy, with line and reason where it can't."""
    from authsvc.risk.policy_file import load_policy

    policy = load_policy(file)
    typer.echo(f"{file} is a policy: {policy.name}, version {policy.version}")


@app.command()
def show(which: Annotated[str, typer.Argument(help="A file or a version; without it what is in force.")] = "") -> None:
    """Print a policy with the thresholds that follow from its costs."""
    from authsvc.cli.policy_words import lines

    if which and Path(which).is_file():
        from authsvc.risk.policy_file import load_policy

        shown: list[tuple[str, Policy]] = [(which, load_policy(Path(which)))]
    else:
        services = open_services()
        with services.database.write() as connection:
            if which:
                shown = [("kept", services.policies.get(connection, which))]
            else:
                services.risk.in_force.look(connection, services.clock.now())
                shadow = services.risk.in_force.shadow
                shown = [("in force", services.risk.in_force.live)] + ([("shadow", shadow)] if shadow else [])
    for where, policy in shown:
        for line in lines(where, policy):
            typer.echo(line)


@app.command(name="list")
def list_() -> None:
    """List versions and proposals, the newest first."""
    from authsvc.risk.policies.store import list_policies, list_proposals, versions_in_force

    services = open_services()
    with services.database.read() as connection:
        roles = {version: role for role, version in versions_in_force(connection).items() if version}
        policies, proposals = list_policies(connection), list_proposals(connection, limit=50)
    for kept in policies:
        typer.echo(f"{kept.version}  {kept.kept_at:%Y-%m-%d %H:%M}  {roles.get(kept.version, ''):<6}  {kept.name}")
    for each in proposals:
        typer.echo(f"{each.id}  {each.proposed_at:%Y-%m-%d %H:%M}  {each.role:<6}  {each.outcome:<9}  {each.note}")


@app.command()
def propose(
    file: File,
    by: By,
    note: Annotated[str, typer.Option(help="What it is for.")],
    shadow: Annotated[bool, typer.Option("--shadow", help="To decide silently, beside the one in force.")] = False,
) -> None:
    """Propose a version. Nothing changes until it is activated."""
    from authsvc.risk.policies.store import Role
    from authsvc.risk.policy_file import load_policy

    load_policy(file)  # refuses with the file's name
    services, role, source = open_services(), Role.SHADOW if shadow else Role.LIVE, file.read_text(encoding="utf-8")
    with services.database.write() as connection:
        proposal = services.policies.propose(
            connection, source, role=role, note=note, by=actor_of(connection, by), now=services.clock.now()
        )
    typer.echo(f"Proposed {proposal.version} as {proposal.id}.")
    if role is Role.LIVE and services.policies.two_people:
        typer.echo("Somebody else has to activate it.")


@app.command()
def activate(proposal: str, by: By) -> None:
    """Put a proposal in force; every node sees it within a second. In production not by who proposed it."""
    services = open_services()
    with services.database.write() as connection:
        actor = actor_of(connection, by)
        settled = services.policies.activate(connection, proposal, by=actor, now=services.clock.now())
    typer.echo(f"{settled.version} is {'in force' if settled.role == 'live' else 'in the shadow'} now.")


@app.command()
def withdraw(proposal: str, by: By) -> None:
    """Take a proposal back."""
    services = open_services()
    with services.database.write() as connection:
        services.policies.withdraw(connection, proposal, by=actor_of(connection, by), now=services.clock.now())
    typer.echo("Withdrawn.")


@app.command()
def end_shadow(by: By) -> None:
    """Let nothing decide in the shadow any more."""
    services = open_services()
    with services.database.write() as connection:
        services.policies.end_shadow(connection, by=actor_of(connection, by), now=services.clock.now())
    typer.echo("Nothing decides in the shadow now.")


@app.command()
def replay(
    policy: Annotated[str, typer.Option(help="A file or a version to try; without it the one in force.")] = "",
    since: Annotated[str, typer.Option(help="How far back: 12h, 30d, 8w.")] = "30d",
    processes: Annotated[int, typer.Option(min=1, max=64, help="Processes.")] = os.cpu_count() or 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Decide stored decisions again, and print what another policy would have changed."""
    from authsvc.risk.policies.kept import kept_policies
    from authsvc.risk.replay.service import Work
    from authsvc.risk.replay.service import replay as run
    from authsvc.risk.replay.words import table

    services = open_services()
    now, database = services.clock.now(), services.database
    with database.write() as connection:
        services.risk.in_force.look(connection, now)
        live = services.risk.in_force.live
        old = {live.version: live, **kept_policies(connection)}
        new = _chosen(services, connection, policy) if policy else live
    work = Work(database.url.render_as_string(hide_password=False), services.risk.vault.keyring, old, new)
    tally = run(work, now - _span(since), now, processes=processes)
    report = {"since": since, "policy": new.version, **tally.report()}
    for line in [json.dumps(report, indent=2)] if as_json else table(report):
        typer.echo(line)
    raise typer.Exit(EXIT_UNEQUAL if tally.mismatches else 0)


def _chosen(services: "Services", connection: "Connection", which: str) -> "Policy":
    from authsvc.risk.policy_file import load_policy

    return load_policy(Path(which)) if Path(which).is_file() else services.policies.get(connection, which)


def _span(text: str) -> timedelta:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise typer.BadParameter("such as 12h, 30d or 8w", param_hint="--since")
    return timedelta(hours=int(found[1]) * _HOURS[found[2]])


def actor_of(connection: "Connection", email: str) -> "Actor":
    """Return the analyst with this address."""
    from authsvc.accounts.addresses import normalise
    from authsvc.accounts.store import find_account_by_email, list_roles
    from authsvc.risk.policies.service import Actor

    account = find_account_by_email(connection, normalise(email))
    if account is None or "analyst" not in list_roles(connection, account.id):
        raise typer.BadParameter("no analyst has this address", param_hint="--by")
    return Actor(account.id, "cli")
