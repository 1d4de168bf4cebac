"""`authsvc train NAME DATA`: make a shipped model again. Its card in docs/models says from what, and how good it is."""

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)


@app.command()
def logins(
    csv: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="Sign-ins with attacks to fit to.")],
    out: Annotated[Path, typer.Option(help="Where the weights are written.")],
) -> None:
    """Fit what each part of a sign-in's likelihood counts for; see docs/models/history.md."""
    from authsvc.evaluate.logins_fit import fit_file

    try:
        fitted = fit_file(csv)
    except ValueError as problem:
        raise typer.BadParameter(str(problem), param_hint="--csv") from None
    out.write_text(json.dumps(fitted, indent=2) + "\n", encoding="utf-8")
    typer.echo(f"{fitted['attacks']} attacks, {fitted['owners']} sign-ins of owners: {out}")
