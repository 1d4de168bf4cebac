"""`authsvc face`: build the face network, and let a deployment's own customers choose its operating point."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from authsvc.core.database import Database
    from authsvc.factors.face.matching.calibration import Calibration, Found
    from authsvc.factors.face.matching.service import Matching
    from authsvc.factors.face.measured import FloatArray

app = typer.Typer(no_args_is_help=True)


@app.command()
def build() -> None:
    """Write dlib's face network as an ONNX graph into AUTHSVC_FACE__MODEL_FOLDER, if it is not there yet.

    The first face process does so as well; here it shows what is wrong before customers wait for it.
    """
    from authsvc.factors.face.embedder.choice import choice_of, open_embedder
    from authsvc.factors.face.embedder.dlib_embedder import network_file
    from authsvc.factors.face.embedder.embedder import CannotEmbed
    from authsvc.factors.face.embedder.graph_cache import cached_graph
    from authsvc.settings import load_settings

    choice = choice_of(load_settings())
    try:
        if choice.kind == "dlib_onnx":
            found = cached_graph(network_file(), choice.folder)
            if not found.file:
                raise CannotEmbed(f"{choice.folder} can't be written; each face process would build it again")
            typer.echo(f"{'Built' if found.built else 'Already there'}: {found.file}")
        typer.echo(f"Templates will remember {open_embedder(choice).id}.")
    except CannotEmbed as problem:
        typer.echo(str(problem), err=True)
        raise typer.Exit(1) from None


@app.command()
def calibrate(
    fmr: Annotated[float, typer.Option(min=1e-7, max=0.1, help="The false-match rate to hold, such as 0.001.")] = 1e-3,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be kept.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Go back to the threshold of the settings.")] = False,
) -> None:
    """Choose the operating point on this deployment's own impostor pairs, templates of different accounts."""
    from authsvc.core.audit.service import Audit
    from authsvc.core.clock import SystemClock
    from authsvc.core.database import Database
    from authsvc.core.sealing.service import Vault
    from authsvc.factors.face.embedder.choice import choice_of, open_embedder
    from authsvc.factors.face.matching.operating_point import TooFewPairs
    from authsvc.factors.face.matching.service import Matching
    from authsvc.settings import load_settings

    settings = load_settings()
    vault, database = Vault(settings.build_keyring()), Database(settings.database.url)
    matching = Matching(vault, Audit(vault), settings.face)
    if reset:
        with database.write() as connection:
            dropped = matching.reset(connection, now=SystemClock().now())
        typer.echo(f"{dropped} calibrated operating points were dropped; the settings' threshold decides.")
        return
    embedder = open_embedder(choice_of(settings)).id
    try:
        found = _read(database, matching, embedder).points(fmr)
    except TooFewPairs as problem:
        typer.echo(f"Not calibrated: {problem}.", err=True)
        raise typer.Exit(1) from None
    for each in found:
        typer.echo(_said(each))
    if dry_run:
        return
    with database.write() as connection:
        matching.keep(connection, [each.point for each in found], now=SystemClock().now())
    typer.echo("These decide from now on.")


def _read(database: "Database", matching: "Matching", embedder: str) -> "Calibration":
    from authsvc.factors.face.matching.calibration import PEOPLE
    from authsvc.factors.face.store import list_template_owners
    from authsvc.factors.face.templates.service import Templates

    templates = Templates(matching.vault, matching.audit)
    plain: list[tuple[str, FloatArray]] = []
    unread = 0
    with database.read() as connection:
        for account_id in list_template_owners(connection)[:PEOPLE]:  # ids are random, so these are any
            opened = templates.open(connection, account_id, embedder=embedder)
            if isinstance(opened, str):
                unread += 1  # of another network, or damaged
            else:
                plain.append((account_id, opened))
        if unread:
            typer.echo(f"{unread} templates of another network, or damaged, are left out.", err=True)
        return matching.to_calibrate(connection, embedder, plain)


def _said(found: "Found") -> str:
    point = found.point
    kind = f"relative to {point.prototypes} prototypes" if point.relative else "plain distance"
    return (
        f"{kind}: up to {point.threshold:.4f} at a false-match rate of {point.fmr:g}; {found.passed} of {point.pairs} "
        f"pairs of {point.people} accounts pass it; the worst account matches {found.worst_account_fmr:.2%} of others"
    )
