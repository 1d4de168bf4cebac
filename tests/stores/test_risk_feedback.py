"""Labels on both databases: who may say what, which sign-in a customer disowns, what is gathered, what is proposed."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select

from authsvc.accounts.alerts.service import AlertKind
from authsvc.accounts.store import Account
from authsvc.accounts.tables import alerts
from authsvc.cli.main import app
from authsvc.core.audit.service import Audit
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database
from authsvc.core.errors import BadInput, NotAllowed, NotFound
from authsvc.core.ids import new_bytes
from authsvc.core.origin import Origin
from authsvc.core.sealing.service import Vault
from authsvc.core.sealing.tables import personal_keys
from authsvc.evaluate.poisoning import NEW_DEVICE, THIEF, USUAL
from authsvc.risk.context import RiskContext
from authsvc.risk.feedback.labels import Label
from authsvc.risk.feedback.service import Feedback, Gathered
from authsvc.risk.feedback.store import KeptLabel, find_label
from authsvc.risk.feedback.tables import risk_labels
from authsvc.risk.policies.store import list_proposals, versions_in_force
from authsvc.risk.policy import assess
from authsvc.risk.policy_file import default_policy
from authsvc.risk.store import StoredDecision, insert_decision
from authsvc.settings import Settings
from tests.support.clocks import SettableClock
from tests.support.commands import Command
from tests.support.decisions import Scene

HERE = Origin("192.0.2.7", "Firefox", "192.0.2.7")
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Desk:
    scene: Scene
    feedback: Feedback
    clock: SettableClock
    ada: Account
    ines: Account

    def say(self, decision_id: str, label: str, *, by: Account | None = None) -> None:
        with self.scene.database.write() as connection:
            analyst = (by or self.ines).id
            self.feedback.say(connection, decision_id, label, analyst=analyst, origin=HERE, now=self.clock.now())

    def disown(
        self, *, alert_id: str | None = None, event_id: str | None = None, account: Account | None = None
    ) -> None:
        with self.scene.database.write() as connection:
            self.feedback.disowned(
                connection,
                (account or self.ada).id,
                alert_id=alert_id,
                event_id=event_id,
                origin=HERE,
                now=self.clock.now(),
            )

    def label(self, decision_id: str) -> KeptLabel | None:
        with self.scene.database.read() as connection:
            return find_label(connection, decision_id)

    def labels(self) -> dict[str, str]:
        with self.scene.database.read() as connection:
            return {row.decision_id: row.label for row in connection.execute(select(risk_labels))}

    def gather(self) -> Gathered:
        now = self.clock.now()
        with self.scene.database.read() as connection:
            return self.feedback.gather(connection, now - 90 * DAY, now + DAY)

    def alert(self, kind: AlertKind, *, ago: timedelta = timedelta(0)) -> str:
        at, alert_id = self.clock.now() - ago, f"alt_{kind.value}"
        values = {"id": alert_id, "token_hash": new_bytes(32), "account_id": self.ada.id, "kind": kind.value}
        with self.scene.database.write() as connection:
            connection.execute(insert(alerts).values(**values, created_at=at, expires_at=at + 7 * DAY))
        return alert_id

    def event(self, tag: str, **facts: Any) -> str:
        with self.scene.database.write() as connection:
            self.feedback.audit.record(
                connection, tag, now=self.clock.now(), account_id=self.ada.id, origin=HERE, facts=facts
            )
        newest = select(audit_events.c.event_id).order_by(audit_events.c.id.desc()).limit(1)
        with self.scene.database.read() as connection:
            return str(connection.execute(newest).scalar_one())


@pytest.fixture
def desk(database: Database, audit: Audit, clock: SettableClock) -> Desk:
    scene = Scene(database, audit, clock.now())
    ines = scene.person("Ines Okafor", "ines@example.org", role="analyst")
    return Desk(scene, Feedback(audit), clock, scene.person("Ada", "ada@example.org"), ines)


def test_an_analyst_labels_and_the_newest_word_counts(desk: Desk) -> None:
    decision = desk.scene.decision(desk.ada)
    desk.say(decision.id, Label.SAFE)
    desk.clock.advance(seconds=60)
    desk.say(decision.id, Label.COMPROMISED)
    assert desk.label(decision.id) == KeptLabel(decision.id, "compromised", desk.ines.id, desk.clock.now())
    with desk.scene.database.read() as connection:
        query = select(audit_events.c.facts).where(audit_events.c.tag == "risk:label:set").order_by(audit_events.c.id)
        assert [facts["label"] for facts in connection.execute(query).scalars()] == ["safe", "compromised"]


def test_disowned_twice_is_said_once(desk: Desk) -> None:
    desk.scene.decision(desk.ada, flow_id="flow_7")
    event = desk.event("login:sign_in:completed", flow="flow_7")
    desk.disown(event_id=event)
    desk.disown(event_id=event)
    with desk.scene.database.read() as connection:
        query = select(audit_events.c.facts).where(audit_events.c.tag == "risk:label:set")
        assert [facts["label"] for facts in connection.execute(query).scalars()] == ["not_me"]


def test_what_can_not_be_labelled(desk: Desk) -> None:
    decision, own = desk.scene.decision(desk.ada), desk.scene.decision(desk.ines)
    for label in ("not_me", "", "SAFE"):
        with pytest.raises(BadInput, match=r"console\.label_invalid"):
            desk.say(decision.id, label)
    for unknown in ("dec_none", "\x00"):
        with pytest.raises(NotFound, match=r"console\.decision_unknown"):
            desk.say(unknown, Label.SAFE)
    with pytest.raises(NotAllowed, match=r"console\.own_decision"):
        desk.say(own.id, Label.SAFE)
    assert desk.labels() == {}


def test_a_customers_word_does_not_replace_an_analysts_but_the_other_way_round(desk: Desk) -> None:
    decision = desk.scene.decision(desk.ada, flow_id="flow_7")
    event = desk.event("login:sign_in:completed", flow="flow_7")
    desk.disown(event_id=event)
    assert desk.label(decision.id) == KeptLabel(decision.id, "not_me", None, desk.clock.now())
    desk.say(decision.id, Label.SAFE)
    desk.disown(event_id=event)
    assert desk.labels() == {decision.id: "safe"}


def test_a_warning_is_about_the_sign_in_that_ended_with_it(desk: Desk) -> None:
    now = desk.clock.now()
    desk.scene.decision(desk.ada, ago=timedelta(minutes=1))  # the owner's, meanwhile
    meant = desk.scene.decision(desk.ada, ago=timedelta(minutes=5), outcome="completed", outcome_at=now)
    desk.disown(alert_id=desk.alert(AlertKind.NEW_DEVICE))
    assert desk.labels() == {meant.id: "not_me"}


def test_a_failed_step_up_is_about_the_last_sign_in_before_it(desk: Desk) -> None:
    meant = desk.scene.decision(desk.ada, ago=timedelta(minutes=2))
    desk.scene.decision(desk.ada, ago=timedelta(minutes=50))
    desk.disown(alert_id=desk.alert(AlertKind.STEP_UP_FAILED))
    assert desk.labels() == {meant.id: "not_me"}


def test_what_is_about_no_sign_in_or_about_somebody_elses_labels_nothing(desk: Desk) -> None:
    desk.scene.decision(desk.ada, flow_id="flow_7")
    desk.disown(alert_id=desk.alert(AlertKind.FACTOR_ADDED))
    desk.disown(alert_id=desk.alert(AlertKind.NEW_DEVICE), account=desk.ines)
    desk.disown(alert_id=desk.alert(AlertKind.STEP_UP_FAILED, ago=2 * DAY))
    desk.disown(event_id=desk.event("login:password:failed", flow="flow_7"))  # a stranger's, in whichever flow
    desk.disown(event_id=desk.event("login:sign_in:completed", flow="flow_8"))
    desk.disown(event_id=desk.event("login:sign_in:completed", flow="flow_7"), account=desk.ines)
    desk.disown(event_id="evt_none")
    desk.disown()
    assert desk.labels() == {}


def test_what_is_gathered_is_scored_again_and_says_who_labelled(desk: Desk) -> None:
    newer = desk.scene.decision(desk.ada)
    older = desk.scene.decision(desk.ada, ago=DAY, flow_id="flow_2", contributions=[], model_version="initial-0")
    desk.scene.decision(desk.ada, ago=2 * DAY)  # nobody said anything
    too_old = desk.scene.decision(desk.ada, ago=91 * DAY)
    desk.say(newer.id, Label.COMPROMISED)
    desk.say(too_old.id, Label.SAFE)
    desk.disown(event_id=desk.event("risk:decision:denied", flow="flow_2"))
    first, second = desk.gather().labelled
    assert (first.decision_id, first.label, first.labelled_by) == (older.id, Label.NOT_ME, desk.ada.id)
    assert (second.decision_id, second.label, second.labelled_by) == (newer.id, Label.COMPROMISED, desk.ines.id)
    assert first.groups == second.groups == {"device": -3.0, "typing": 1.5}
    assert second.probability == newer.probability


def test_erased_and_altered_decisions_are_left_out_and_counted(desk: Desk) -> None:
    bob = desk.scene.person("Bob", "bob@example.org")
    for decision in (
        desk.scene.decision(bob),
        desk.scene.decision(desk.ada, inputs_sealed=b"altered"),
        desk.scene.decision(desk.ada, account_id=None),
    ):
        desk.say(decision.id, Label.SAFE)
    with desk.scene.database.write() as connection:
        connection.execute(delete(personal_keys).where(personal_keys.c.account_id == bob.id))
    found = desk.gather()
    assert found.labelled == () and found.left_out == {"erased": 2, "unreadable": 1}


def decided(desk: Desk, context: RiskContext, number: int, *, ago: timedelta) -> StoredDecision:
    """Write a decision as the service does, on one of many accounts."""
    policy, at = default_policy(), desk.clock.now() - ago
    made = assess(policy, context)
    name = f"dec_{number:04}"
    with desk.scene.database.write() as connection:
        sealed = desk.feedback.audit.vault.seal_json_for(
            connection, desk.ada.id, context.to_inputs(), context=f"risk_decisions:{name}", now=at
        )
        decision = StoredDecision(
            id=name,
            at=at,
            account_id=desk.ada.id,
            flow_id=f"flow_{number}",
            client_id=None,
            trigger=context.trigger.value,
            decision=made.decision.value,
            required=made.required.name.lower(),
            log_odds=made.log_odds,
            probability=made.probability,
            policy_version=made.policy_version,
            model_version=made.model_version,
            contributions=[each.to_json() for each in made.contributions],
            inputs_sealed=sealed,
        )
        insert_decision(connection, decision)
    return decision


@pytest.fixture
def command(desk: Desk, make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> Command:
    made = make_settings(database={"url": desk.scene.database.url.render_as_string(hide_password=False)})
    monkeypatch.setattr("authsvc.settings.load_settings", lambda: made)
    monkeypatch.setattr("authsvc.app.SystemClock", lambda: desk.clock)
    audit = Audit(Vault(made.build_keyring()))
    desk_of_it = replace(desk, feedback=Feedback(audit), scene=replace(desk.scene, audit=audit))
    for number in range(140):
        thief = number % 3 == 0
        context = (THIEF if number % 2 else NEW_DEVICE) if thief else (NEW_DEVICE if number % 5 == 0 else USUAL)
        decision = decided(desk_of_it, context, number, ago=timedelta(hours=140 - number))
        desk_of_it.say(decision.id, Label.COMPROMISED if thief else Label.SAFE)
    return Command(app)


def test_a_proposal_carries_its_figures_and_nothing_is_put_in_force(desk: Desk, command: Command) -> None:
    counted = json.loads(command.run("feedback", "labels").output)
    assert counted["labels"] == {"compromised": 47, "safe": 93} and counted["left_out"]["unreadable"] == 0
    assert command.run("feedback", "propose", "--by", "ines@example.org", "--dry-run").exit_code == 0
    result = command.run("feedback", "propose", "--by", "ines@example.org")
    assert result.exit_code == 0, result.output
    with desk.scene.database.read() as connection:
        (proposal,) = list_proposals(connection, limit=9)
        assert versions_in_force(connection) == {}
    assert (proposal.outcome, proposal.role, proposal.proposed_by) == ("open", "live", desk.ines.id)
    assert proposal.figures["log_loss"]["after"] < proposal.figures["log_loss"]["before"]
    assert proposal.note == "Weights recalibrated on 140 labels of the last 90d."
    assert proposal.id in result.output


def test_without_labels_nothing_is_proposed_and_no_figure_is_made_up(desk: Desk, command: Command) -> None:
    with desk.scene.database.write() as connection:
        connection.execute(delete(risk_labels))
    result = command.run("feedback", "propose", "--by", "ines@example.org")
    assert result.exit_code == 1 and "needs labels that count for 30 on each side" in result.output
    report = json.loads(command.run("evaluate", "decisions").output)
    assert report["brier"] is None and report["weights"] == "from the simulator and published figures"
    with desk.scene.database.read() as connection:
        assert list_proposals(connection, limit=9) == []


def test_calibration_is_judged_by_what_is_labelled_here(command: Command) -> None:
    report = json.loads(command.run("evaluate", "decisions").output)
    assert report["source"] == "labels" and report["labels"] == {"attack": 47, "owner": 93}
    assert report["brier"]["low"] <= report["brier"]["value"] <= report["brier"]["high"]


def test_who_is_no_analyst_and_a_period_that_is_none_are_refused(command: Command) -> None:
    for since in ("", "90", "d", "xd", "-1d", "99999d"):
        assert command.run("feedback", "labels", "--since", since).exit_code == 2
    assert "no analyst has this address" in command.run("feedback", "propose", "--by", "ada@example.org").output
