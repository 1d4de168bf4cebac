"""`authsvc train NAME DATA`: make a shipped model again. Its card in docs/models says from what, and how good it is."""

import json
from pathlib import Path
from typing import Annotated

import typer

from authsvc.cli.options import blaming, folders_of

app = typer.Typer(no_args_is_help=True)


@app.command()
def logins(
    csv: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="Sign-ins with attacks to fit to.")],
    out: Annotated[Path, typer.Option(help="Where the weights are written.")],
) -> None:
    """Fit what each part of a sign-in's likelihood counts for; see docs/models/history.md."""
    from authsvc.evaluate.logins_fit import fit_file

    with blaming("--csv"):
        fitted = fit_file(csv)
    out.write_text(json.dumps(fitted, indent=2) + "\n", encoding="utf-8")
    typer.echo(f"{fitted['attacks']} attacks, {fitted['owners']} sign-ins of owners: {out}")


@app.command()
def keystroke(
    csv: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="Typings in the CMU set's columns.")],
    out: Annotated[Path | None, typer.Option(help="Where the background is written.")] = None,
    splits: Annotated[
        int, typer.Option(min=0, help="Also halve the people so often, and try one half on the other.")
    ] = 0,
) -> None:
    """Fit how people in general type, and the detector's weights; see docs/models/keystroke.md."""
    from authsvc.cli.evaluate import print_report
    from authsvc.evaluate.keystroke import cross_validate, train_background
    from authsvc.evaluate.typings_file import read_typings

    if out is None and not splits:
        raise typer.BadParameter(
            "say where to write the background, or how often to halve the people", param_hint="--out"
        )
    with blaming("--csv"):
        typings = read_typings(csv)
        if out is not None:
            out.write_text(train_background(typings, source=csv.name), encoding="utf-8")
        if splits:
            print_report(cross_validate(typings, halves=splits))


@app.command()
def liveness(
    live: Annotated[Path, typer.Option(exists=True, file_okay=False, help="PERSON/FRAME.jpg of people.")],
    attack: Annotated[list[str], typer.Option(help="NAME=DIR: the same, of pictures of them. Can be repeated.")],
    out: Annotated[Path, typer.Option(dir_okay=False, help="Where the model is written (.npz).")],
) -> None:
    """Train attack detection on people and pictures of them; see docs/models/liveness.md."""
    from authsvc.evaluate.liveness import train_on
    from authsvc.factors.face.liveness.classifier import save

    with blaming(None):
        model = train_on(live, folders_of(attack))
    save(model, out)
    typer.echo(f"model {model.version}: {out}")
