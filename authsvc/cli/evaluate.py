"""`authsvc evaluate NAME DATA`: how right a model is on data that it was not trained on. Prints one JSON object."""

import json
from collections.abc import Mapping
from typing import Any

import typer

app = typer.Typer(no_args_is_help=True)


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
