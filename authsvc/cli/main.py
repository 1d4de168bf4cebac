"""Puts the command's parts together. Each part imports what it needs when it runs, so that `--help` is quick."""

import sys
from typing import Annotated

import typer
from sqlalchemy.exc import OperationalError, ProgrammingError

from authsvc.cli import audit, bench, client, evaluate, face, feedback, key, policy, simulate, train, user
from authsvc.core.errors import AuthsvcError
from authsvc.settings import SettingsProblem

app = typer.Typer(
    name="authsvc",
    help="The sign-in and trust service of an online shop.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(user.app, name="user", help="Accounts and roles.")
app.add_typer(client.app, name="client", help="Storefronts and apps that sign people in here.")
app.add_typer(face.app, name="face", help="The face network, and the point at which it decides.")
app.add_typer(policy.app, name="policy", help="The policy: check, propose, activate, try on past decisions.")
app.add_typer(key.app, name="key", help="Keys: make, rotate, list.")
app.add_typer(audit.app, name="audit", help="The evidence, and whether it is whole.")
app.add_typer(evaluate.app, name="evaluate", help="How right a model is, on data that it was not trained on.")
app.add_typer(feedback.app, name="feedback", help="What was said of decisions, and weights that fit it better.")
app.add_typer(simulate.app, name="simulate", help="Populations that nobody is in, to develop and compare with.")
app.add_typer(train.app, name="train", help="Make a shipped model again.")
app.command(name="bench")(bench.bench)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(help="Serving processes; more than one needs PostgreSQL.")] = 1,
) -> None:
    """Serve authsvc. Run `authsvc migrate` first."""
    from authsvc.cli.huge_pages import begin_with_huge_pages
    from authsvc.cli.serve import run

    begin_with_huge_pages()
    run(host, port, workers)


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="Port of authsvc.")] = 8000,
    storefront_port: Annotated[int, typer.Option(help="Port of the example storefront.")] = 8001,
) -> None:
    """Start authsvc, the example storefront and a mailbox page on this machine, with everything in ./.demo."""
    from authsvc.cli.demo import run

    run(port, storefront_port)


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    from authsvc.core.migrations import upgrade
    from authsvc.settings import load_settings

    upgrade(load_settings().database.url)
    typer.echo("The database is up to date.")


def main() -> None:
    """Run the command; what the operator can mend is said in a line, without a traceback."""
    try:
        app()
    except (SettingsProblem, AuthsvcError) as problem:
        typer.echo(str(problem), err=True)
        sys.exit(2)
    except (OperationalError, ProgrammingError) as problem:
        first = str(problem.orig).partition("\n")[0]
        typer.echo(f"The database can't be used: {first}. Is it there, and has `authsvc migrate` run?", err=True)
        sys.exit(2)
