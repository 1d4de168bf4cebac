"""`authsvc evaluate NAME DATA`: how right a model is on data that it was not trained on. Prints one JSON object."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(no_args_is_help=True)


@app.command()
def logins(
    csv: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="Sign-ins in the rba-dataset's columns.")],
    rows: Annotated[int | None, typer.Option(min=1, help="Read the first so many rows only.")] = None,
) -> None:
    """How often owners are asked for more at a given share of attacks stopped: Freeman's model and ours."""
    from authsvc.evaluate.logins import evaluate_logins

    try:
        print_report(evaluate_logins(csv, rows))
    except ValueError as problem:
        raise typer.BadParameter(str(problem), param_hint="--csv") from None


def print_report(report: Mapping[str, Any]) -> None:
    """Print a report, figures rounded to what data of this size can carry."""
    typer.echo(json.dumps(_rounded(report), indent=2))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return value
