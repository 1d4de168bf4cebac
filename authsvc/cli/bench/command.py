"""The command itself: which measurements there are, and how their JSON is put together."""

import json
import os
import platform
from pathlib import Path
from typing import Annotated

import typer

from authsvc.cli.bench.not_measured import NotMeasured

MEASUREMENTS = ("password", "passkey", "passkey_cpu", "face", "import", "keystroke")
RISK, REPLAY = "risk", "replay"
ON_REQUEST = {RISK: 10_000_000, REPLAY: 1_000_000}  # how many rows; they take minutes to prepare


def bench(
    only: Annotated[str | None, typer.Option(help=f"One of: {', '.join((*MEASUREMENTS, *ON_REQUEST))}.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the JSON here as well.")] = None,
    faces: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="Folder with three or more .jpg frames of one face, instead of drawn ones.",
        ),
    ] = None,
    captures: Annotated[
        int, typer.Option(min=1, help="Captures after which a face worker's memory is looked at again.")
    ] = 2000,
    database: Annotated[
        str | None,
        typer.Option(
            help="URL of an empty PostgreSQL database, for risk and replay. Without it risk starts a PostgreSQL of its "
            "own, and replay takes SQLite."
        ),
    ] = None,
    rows: Annotated[
        int | None, typer.Option(min=20_000, help="Rows of history, for risk; stored decisions, for replay.")
    ] = None,
) -> None:
    """Measure sign-ins, face captures and imports on this machine; print one JSON object."""
    if only is not None and only not in (*MEASUREMENTS, *ON_REQUEST):
        raise typer.BadParameter(f"one of: {', '.join((*MEASUREMENTS, *ON_REQUEST))}")
    results: dict[str, object] = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}
    }
    for name in MEASUREMENTS if only is None else (only,):
        typer.echo(f"measuring: {name}", err=True)
        try:
            if name in ON_REQUEST:
                results |= _measure_rows(name, rows or ON_REQUEST[name], database)
            else:
                results |= _measure(name, faces, captures)
        except NotMeasured as problem:
            typer.echo(f"{name} can't be measured: {problem}", err=True)
            raise typer.Exit(1) from None
    text = json.dumps(results, indent=2)
    typer.echo(text)
    if json_file is not None:
        json_file.write_text(text + "\n")


def _measure_rows(name: str, rows: int, database: str | None) -> dict[str, object]:
    from authsvc.cli.bench.replay import measure_replay
    from authsvc.cli.bench.risk import measure_risk

    return measure_replay(rows, database) if name == REPLAY else measure_risk(rows, database)


def _measure(name: str, faces: Path | None, captures: int) -> dict[str, object]:
    if name == "face":
        from authsvc.cli.bench.face.cost import measure_cost
        from authsvc.cli.bench.face.in_flight import measure_in_flight
        from authsvc.cli.bench.face.worker import measure_worker

        return {**measure_cost(faces), **measure_in_flight(), **measure_worker(captures)}
    if name == "import":
        from authsvc.cli.bench.imports import measure_imports

        return measure_imports()
    if name == "keystroke":
        from authsvc.cli.bench.keystroke import measure_keystroke

        return dict(measure_keystroke())
    if name == "passkey_cpu":
        from authsvc.cli.bench.passkey_cpu import measure_with_huge_pages

        return measure_with_huge_pages()
    from authsvc.cli.bench.sign_ins import measure_passkeys, measure_passwords

    return measure_passwords() if name == "password" else measure_passkeys()
