"""`authsvc evaluate NAME DATA`: how right a model is on data that it was not trained on. Prints one JSON object."""

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from authsvc.cli.options import blaming, folders_of

if TYPE_CHECKING:
    from authsvc.evaluate.decisions import Judged
    from authsvc.evaluate.rates import Curve
    from authsvc.factors.face.embedder.choice import EmbedderChoice

app = typer.Typer(no_args_is_help=True)


class FaceNetwork(StrEnum):
    """Which face network is judged."""

    DLIB = "dlib"
    ONNX = "onnx"
    OWN = "own"


class LeaveOut(StrEnum):
    """Whom attack detection is judged on when it is trained again."""

    PERSON = "person"
    HALF = "half"


@app.command()
def logins(
    csv: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="Sign-ins in the rba-dataset's columns.")],
    rows: Annotated[int | None, typer.Option(min=1, help="Read the first so many rows only.")] = None,
) -> None:
    """How often owners are asked for more at a given share of attacks stopped: Freeman's model and ours."""
    from authsvc.evaluate.logins import evaluate_logins

    with blaming("--csv"):
        print_report(evaluate_logins(csv, rows))


@app.command()
def ablation(
    csv: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="Sign-ins in the rba-dataset's columns.")],
    rows: Annotated[int | None, typer.Option(min=1, help="Read the first so many rows only.")] = None,
    as_table: Annotated[bool, typer.Option("--table", help="Print a table instead of JSON.")] = False,
) -> None:
    """What each group of reasons is worth: owners asked for more with one left out, alone, and without bounds."""
    from authsvc.evaluate.ablation import evaluate_ablation, table

    with blaming("--csv"):
        report = evaluate_ablation(csv, rows)
    if not as_table:
        print_report(report)
    for line in table(report) if as_table else ():
        typer.echo(line)


@app.command()
def face(
    images: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Pictures as LFW lays them out.")],
    pairs: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="Pairs in LFW's format.")],
    template: Annotated[int, typer.Option(min=1, help="Pictures whose mean is a template.")] = 1,
    probe: Annotated[int, typer.Option(min=1, help="Pictures whose mean is a probe.")] = 1,
    embedder: Annotated[FaceNetwork, typer.Option(help="dlib, onnx (the default network), own (the settings').")] = (
        FaceNetwork.ONNX
    ),
    every_impostor: Annotated[bool, typer.Option("--every-impostor", help="Try every two people of the file.")] = False,
    cohort: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Relative to prototypes of these people.")
    ] = None,
    members: Annotated[int, typer.Option(min=1, help="People in a prototype.")] = 5,
    groups: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Person, tab, group: errors by group.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(dir_okay=False, help="Draw the DET curve into this PNG.")] = None,
) -> None:
    """How well faces are told apart on pairs of pictures, and how many pictures show no single face."""
    from authsvc.evaluate import face as faces
    from authsvc.evaluate.face_vectors import Reader

    given = dict(line.split("\t", 1) for line in groups.read_text().splitlines() if "\t" in line) if groups else None
    protocol = faces.Protocol(template, probe, every_impostor)
    with blaming("--pairs", faces.BadPairs):
        report, curve = faces.evaluate(
            Reader(_face_network(embedder)),
            images,
            faces.read_pairs(pairs),
            protocol,
            cohort=cohort,
            members=members,
            groups=given,
        )
    if plot:
        _draw({f"mean of {template} against mean of {probe}": curve}, plot, title="Faces")
    print_report(report)


@app.command()
def face_captures(
    live: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Frames of a camera, a folder a person.")],
    cohort: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Also relative to prototypes of these people.")
    ] = None,
    members: Annotated[int, typer.Option(min=1, help="People in a prototype of that cohort.")] = 5,
    own_members: Annotated[int, typer.Option(min=1, help="People in a prototype of the captures' own others.")] = 2,
    limit: Annotated[float, typer.Option(help="A plain distance to look at beside.")] = 0.40,
    embedder: Annotated[FaceNetwork, typer.Option(help="dlib, onnx (the default network), own (the settings').")] = (
        FaceNetwork.ONNX
    ),
    plot: Annotated[Path | None, typer.Option(dir_okay=False, help="Draw the DET curves into this PNG.")] = None,
) -> None:
    """How well captures of a camera are told apart across sessions, by person, with a cohort and without."""
    from authsvc.evaluate import face_captures as captures
    from authsvc.evaluate.face import BadPairs
    from authsvc.evaluate.face_vectors import Reader

    reader = Reader(_face_network(embedder))
    with blaming("--live", BadPairs):
        report, curves = captures.evaluate(
            reader, live, cohort=cohort, members=members, own_members=own_members, limit=limit
        )
    if plot:
        _draw(curves, plot, title="Captures of different sessions")
    print_report(report)


@app.command()
def face_embedders(
    images: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Pictures, in folders or not.")],
    first: Annotated[int, typer.Option(min=1, help="Compare on the first so many.")] = 500,
) -> None:
    """How far the default network's vectors are from dlib's own, on real pictures."""
    from authsvc.evaluate.face_embedders import evaluate

    report = evaluate(sorted(images.rglob("*.jpg"))[:first])
    print_report(report)
    raise typer.Exit(0 if report["within"] else 1)


@app.command()
def face_pose(
    live: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Frames of a camera, a folder a person.")],
) -> None:
    """How well five points tell small turns of a head, by person and for faces that are turned on purpose."""
    from authsvc.evaluate.face_pose import report

    print_report(report(live))


def _face_network(which: FaceNetwork) -> "EmbedderChoice":
    from authsvc.factors.face.embedder.choice import EmbedderChoice, choice_of
    from authsvc.settings import load_settings

    if which is FaceNetwork.OWN:
        return choice_of(load_settings())
    return EmbedderChoice("dlib" if which is FaceNetwork.DLIB else "dlib_onnx")


def _draw(curves: "Mapping[str, Curve]", plot: Path, *, title: str) -> None:
    from authsvc.evaluate.det_plot import draw

    draw(curves, plot, title=title)


@app.command()
def keystroke(
    csv: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="Typings in the CMU set's columns.")],
    protocol: Annotated[str, typer.Option(help="classic, recent or shop; see docs/models/keystroke.md.")] = "recent",
) -> None:
    """How well the typing detector tells owners from others who know the password."""
    from authsvc.evaluate.keystroke import Protocol, evaluate_keystroke
    from authsvc.evaluate.typings_file import read_typings

    if protocol not in list(Protocol):
        raise typer.BadParameter(f"one of: {', '.join(Protocol)}", param_hint="--protocol")
    with blaming("--csv"):
        print_report(evaluate_keystroke(read_typings(csv), Protocol(protocol)))


@app.command()
def liveness(
    live: Annotated[Path, typer.Option(exists=True, file_okay=False, help="PERSON/FRAME.jpg of people.")],
    attack: Annotated[list[str], typer.Option(help="NAME=DIR: the same, of pictures of them. Can be repeated.")],
    leave_out: Annotated[
        LeaveOut | None, typer.Option(help="Train again, on the others of these people, and judge that.")
    ] = None,
    controls: Annotated[
        bool, typer.Option("--controls", help="Also what backgrounds, places and sizes give away.")
    ] = False,
    simulate_screen: Annotated[
        bool, typer.Option("--simulate-screen", help="Also the people's frames as a simulated screen would show them.")
    ] = False,
    plot: Annotated[Path | None, typer.Option(dir_okay=False, help="Draw the DET curve into this PNG.")] = None,
) -> None:
    """How well attack detection tells people from pictures of them, per frame and per capture of five."""
    from authsvc.evaluate import liveness as judge

    with blaming(None):
        report, curves = judge.evaluate(
            live, folders_of(attack), leave_out=leave_out, controls=controls, simulate_screen=simulate_screen
        )
    print_report(report)
    if plot is not None:
        from authsvc.evaluate.det_plot import draw

        draw(curves, plot, title="Presentation attack detection, per frame", across="APCER", down="BPCER")


@app.command()
def decisions(
    csv: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Columns probability and label, instead.")
    ] = None,
    simulated: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Sign-ins of `authsvc simulate logins`, instead.")
    ] = None,
    since: Annotated[str, typer.Option(help="How far back in this deployment: 90d, 12w.")] = "90d",
    rows: Annotated[int | None, typer.Option(min=1, help="Of a simulated file the first so many rows only.")] = None,
    plot: Annotated[Path | None, typer.Option(dir_okay=False, help="Draw a reliability diagram into this PNG.")] = None,
) -> None:
    """How right the probabilities of decisions are, against labels: this deployment's, or a file's."""
    from authsvc.evaluate import decisions as judge
    from authsvc.risk.policy_file import default_policy

    if csv and simulated:
        raise typer.BadParameter("either --csv or --simulated")
    with blaming(None):
        if csv:
            judged = judge.of_file(csv)
        elif simulated:
            judged = judge.of_simulated(simulated, default_policy(), rows)
        else:
            judged = _labelled(since)
    report, found = judge.evaluate(judged)
    print_report(report)
    if plot and found:
        from authsvc.evaluate.reliability_plot import draw_reliability

        draw_reliability(found, plot, title=f"Decisions: {judged.source}")


@app.command()
def poisoning() -> None:
    """How many false labels, by whom, move a decision; on labels that are simulated."""
    from authsvc.evaluate.poisoning import evaluate_poisoning

    print_report(evaluate_poisoning())


def _labelled(since: str) -> "Judged":
    from authsvc.cli.feedback import gathered
    from authsvc.evaluate.decisions import of_labels

    services, found = gathered(since)
    with services.database.write() as connection:
        services.risk.in_force.look(connection, services.clock.now())
    return of_labels(found.labelled, services.risk.in_force.live.weights.source, found.left_out)


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
