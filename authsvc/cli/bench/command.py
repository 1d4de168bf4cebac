"""The command itself: which measurements there are, and how their JSON is put together."""

import json
import os
import platform
from pathlib import Path
from typing import Annotated

import typer

MEASUREMENTS = ("password", "passkey", "passkey_cpu", "face", "import")


def bench(
    only: Annotated[str | None, typer.Option(help=f"One of: {', '.join(MEASUREMENTS)}.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the JSON here as well.")] = None,
    faces: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="Folder with three or more .jpg frames of one face, instead of drawn ones.",
        ),
    ] = None,
) -> None:
    """Measure sign-ins, face captures and imports on this machine; print one JSON object."""
    if only is not None and only not in MEASUREMENTS:
        raise typer.BadParameter(f"one of: {', '.join(MEASUREMENTS)}")
    results: dict[str, object] = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}
    }
    for name in MEASUREMENTS if only is None else (only,):
        typer.echo(f"measuring: {name}", err=True)
        results |= _measure(name, faces)
    text = json.dumps(results, indent=2)
    typer.echo(text)
    if json_file is not None:
        json_file.write_text(text + "\n")


def _measure(name: str, faces: Path | None) -> dict[str, object]:
    if name == "face":
        from authsvc.cli.bench_face import measure_face

        return dict(measure_face(frames_dir=faces))
    if name == "import":
        from authsvc.cli.bench.imports import measure_imports

        return measure_imports()
    if name == "passkey_cpu":
        from authsvc.cli.bench.passkey_cpu import measure_with_huge_pages

        return measure_with_huge_pages()
    from authsvc.cli.bench.sign_ins import measure_passkeys, measure_passwords

    return measure_passwords() if name == "password" else measure_passkeys()
