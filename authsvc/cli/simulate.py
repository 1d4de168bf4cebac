"""`authsvc simulate`: data that nobody has to be asked for."""

from pathlib import Path
from typing import Annotated

import typer

from authsvc.cli.options import blaming

app = typer.Typer(no_args_is_help=True)


@app.command()
def logins(
    out: Annotated[Path, typer.Option(help="CSV file to write.")],
    users: Annotated[int, typer.Option(help="How many customers.")] = 2000,
    days: Annotated[int, typer.Option(help="How many days.")] = 365,
    seed: Annotated[int, typer.Option(help="The same seed gives the same file.")] = 1,
) -> None:
    """Write a simulated population's sign-ins, with three kinds of attackers, in the rba-dataset's columns."""
    from authsvc.evaluate.simulated_logins.layout import lines, simulate

    with blaming(None):
        rows = simulate(users, days, seed)
    try:
        with out.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in lines(rows))
    except OSError as problem:
        raise typer.BadParameter(f"{out}: {problem.strerror}", param_hint="--out") from None
    typer.echo(f"{len(rows.day)} sign-ins of {users} simulated customers in {days} days, seed {seed}: {out}")
