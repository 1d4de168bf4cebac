"""`authsvc audit`: check the chain of evidence, list events, print the key that checks checkpoints.

    authsvc audit verify [--since COUNT] [--log FILE]… [--json]     exit 0: it holds; 1: broken; 2: can't check
    authsvc audit events [--tag TAG] [--limit N]                    newest first, one JSON object a line
    authsvc audit public-key

`events` never prints personal parts: they stay sealed.
"""

import dataclasses
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from authsvc.core.audit import store
from authsvc.core.audit.chain import ChainKeys, Checkpoint, Event, from_log
from authsvc.core.audit.verify import Report, verify
from authsvc.core.database import Database
from authsvc.core.errors import NotFound
from authsvc.settings import load_settings

EXIT_BROKEN = 1

app = typer.Typer(help="Check and read the audit trail.", no_args_is_help=True)


@app.command("verify")
def verify_command(
    since: Annotated[
        int, typer.Option(min=0, help="Start at the checkpoint with this count; the log names them.", metavar="COUNT")
    ] = 0,
    log: Annotated[
        list[Path] | None,
        typer.Option(exists=True, dir_okay=False, help="Log file whose checkpoints the chain must agree with."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check the chain, and name the first row that is broken, missing or cut.

    Without --log only the database speaks: it can't show that its end was cut together with its checkpoints.
    """
    settings = load_settings()
    outside = [checkpoint for path in log or [] for checkpoint in _read_log(path)]
    if log and not outside:
        raise NotFound("audit.no_checkpoint", "There is no checkpoint in the log.")
    database = Database(settings.database.url, pool_size=1)
    try:
        report = verify(database, settings.secrets.audit, start_checkpoint=since or None, outside_checkpoints=outside)
    finally:
        database.dispose()
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(report) | {"holds": report.holds}, default=_as_text))
    else:
        for line in describe(report):
            typer.echo(line)
    if not report.holds:
        raise typer.Exit(EXIT_BROKEN)


@app.command("events")
def events_command(
    tag: Annotated[
        str | None, typer.Option(help="Only this tag, or all that begin with it when it ends in a colon.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many.")] = 50,
) -> None:
    """List the newest events as JSON lines, without their personal parts."""
    database = Database(load_settings().database.url, pool_size=1)
    try:
        with database.read() as connection:
            events = store.list_events(connection, tag=tag, limit=limit)
    finally:
        database.dispose()
    for event in events:
        typer.echo(json.dumps(_public(event), default=_as_text))


@app.command("public-key")
def public_key_command() -> None:
    """Print the Ed25519 key, in hex, with which anybody can check the checkpoints in the log."""
    typer.echo(ChainKeys.derive(load_settings().secrets.audit).public.hex())


def describe(report: Report) -> Iterator[str]:
    """Yield what a check found, as lines for people."""
    where = f" after number {report.started_at}" if report.started_at else ""
    if report.problem is None:
        yield f"The chain holds: {report.verified} events{where}, {report.checkpoints} checkpoints agree."
    else:
        event = f", event {report.problem.event_id}" if report.problem.event_id else ""
        yield f"BROKEN at number {report.problem.seq}{event} ({report.problem.defect}): {report.problem.what}."
        yield f"{report.verified} events{where} hold up to there. What comes later was not checked."
    if report.unsealed:
        assert report.oldest_unsealed_at is not None
        yield f"Not sealed yet: {report.unsealed}, the oldest of {_as_text(report.oldest_unsealed_at)}."


def _public(event: Event) -> dict[str, Any]:
    return {
        "row": event.row,
        "event_id": event.event_id,
        "at": event.at,
        "tag": event.tag,
        "account_id": event.account_id,
        "request_id": event.request_id,
        "facts": event.facts,
    }


def _read_log(path: Path) -> Iterator[Checkpoint]:
    with path.open(encoding="utf-8", errors="replace") as lines:
        yield from from_log(lines)


def _as_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
