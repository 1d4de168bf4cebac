"""`authsvc train NAME DATA`: make a shipped model again. Its card in docs/models says from what, and how good it is."""

import typer

app = typer.Typer(no_args_is_help=True)
