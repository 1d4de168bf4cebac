"""`authsvc feedback`: what was said of decisions, and weights that fit it better, as a proposal.

    authsvc feedback labels [--since 90d]
    authsvc feedback propose --by EMAIL [--since 90d] [--sample] [--shadow] [--dry-run]       exit 1: nothing to propose

What is proposed is the policy in force with other weights; `authsvc policy activate` puts it in force, in production by
somebody else than who proposed it. See docs/guides/feedback.md.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from authsvc.cli.deployment import open_services
from authsvc.cli.policy import actor_of

if TYPE_CHECKING:
    from authsvc.risk.feedback.service import Gathered
    from authsvc.wiring.services import Services

app = typer.Typer(no_args_is_help=True)

NOTHING_TO_PROPOSE = 1
DAYS = {"d": 1, "w": 7}

Since = Annotated[str, typer.Option(help="How far back: 90d, 12w.")]


@app.command()
def labels(since: Since = "90d") -> None:
    """Count what was said of the decisions of a period, by label and by whom. Prints one JSON object."""
    from collections import Counter

    from authsvc.cli.evaluate import print_report
    from authsvc.risk.feedback.labels import counts_for

    _, found = gathered(since)
    counted: dict[str, float] = {"attack": 0.0, "owner": 0.0}
    for each, count in zip(found.labelled, counts_for(found.labelled), strict=True):
        if each.attack is not None:
            counted["attack" if each.attack else "owner"] += count
    print_report(
        {
            "since": since,
            "labels": dict(sorted(Counter(str(each.label) for each in found.labelled).items())),
            "by_analyst": dict(Counter(each.labelled_by for each in found.labelled if not each.by_customer)),
            "customers": len({each.labelled_by for each in found.labelled if each.by_customer}),
            "count_for": counted,
            "left_out": found.left_out,
        }
    )


@app.command()
def propose(
    by: Annotated[str, typer.Option(help="Address of the analyst who proposes it.")],
    since: Since = "90d",
    sample: Annotated[
        bool, typer.Option("--sample", help="The labelled decisions were drawn at random: the prior may move, too.")
    ] = False,
    shadow: Annotated[bool, typer.Option("--shadow", help="To decide silently, beside the one in force.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the figures, propose nothing.")] = False,
) -> None:
    """Propose the policy in force with weights that fit the labels better. Nothing changes until it is activated."""
    from authsvc.cli.evaluate import print_report
    from authsvc.risk.feedback.recalibration import recalibrate
    from authsvc.risk.policies.store import Role
    from authsvc.risk.policy_file import policy_text

    services, found = gathered(since)
    now = services.clock.now()
    with services.database.write() as connection:
        actor = actor_of(connection, by)
        services.risk.in_force.look(connection, now)
    outcome = recalibrate(services.risk.in_force.live, found.labelled, sample=sample)
    figures = {"since": since, "left_out": found.left_out, **outcome.figures}
    print_report(figures)
    if outcome.policy is None:
        typer.echo(f"Nothing to propose: {outcome.refusal}.", err=True)
        raise typer.Exit(NOTHING_TO_PROPOSE)
    if dry_run:
        return
    with services.database.write() as connection:
        proposal = services.policies.propose(
            connection,
            policy_text(outcome.policy),
            role=Role.SHADOW if shadow else Role.LIVE,
            note=f"Weights {outcome.policy.weights.source} of the last {since}.",
            by=actor,
            now=now,
            figures=figures,
        )
    typer.echo(f"Proposed {proposal.version} as {proposal.id}.")


def gathered(since: str) -> "tuple[Services, Gathered]":
    """Return the deployment, and the labelled decisions of a period until now."""
    from authsvc.risk.feedback.service import Feedback

    number, unit = since[:-1], since[-1:]
    if not number.isascii() or not number.isdigit() or len(number) > 4 or unit not in DAYS:
        raise typer.BadParameter("such as 90d or 12w", param_hint="--since")
    services = open_services()
    now = services.clock.now()
    with services.database.read() as connection:
        begin = now - timedelta(days=int(number) * DAYS[unit])
        return services, Feedback(services.audit).gather(connection, begin, now + timedelta(seconds=1))
