"""Stored decisions decided again on both databases: equal, or named with the reason; what another policy changes."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from authsvc.accounts.levels import Level
from authsvc.core.audit.service import Audit
from authsvc.core.database import Database
from authsvc.core.ids import new_id
from authsvc.core.sealing.tables import personal_keys
from authsvc.risk.context import AccountState, DeviceSeen, RiskContext, Seen, Trigger
from authsvc.risk.feedback.tables import risk_labels
from authsvc.risk.policy import Decision, Policy, assess, blind_decision
from authsvc.risk.policy_file import default_policy
from authsvc.risk.replay.service import Work, replay
from authsvc.risk.replay.tally import Tally
from authsvc.risk.replay.words import table
from authsvc.risk.store import StoredDecision, insert_decision
from authsvc.risk.tables import risk_decisions
from tests.support.clocks import SettableClock

POLICY = default_policy()
STRICTER = replace(POLICY, name="stricter", prior_log_odds=-2.0)
HOME = RiskContext(
    Trigger.PASSWORD,
    Level.PWD,
    device=DeviceSeen(known=True, age_s=9e6),
    network=Seen.KNOWN,
    country=Seen.KNOWN,
    sign_ins=40,
    client_id="cli_shop",
)
ABROAD = replace(HOME, device=DeviceSeen(), network=Seen.NEW, country=Seen.NEW)
GUARDED = replace(HOME, account=AccountState(guarded=True, reachable=Level.MFA))


@dataclass(frozen=True)
class Past:
    """Decisions that were made."""

    database: Database
    audit: Audit
    clock: SettableClock

    def decided(
        self, context: RiskContext, *, decision: Decision | None = None, policy: Policy = POLICY, **changes: Any
    ) -> str:
        made, decision_id, now = decision or assess(policy, context), new_id("dec"), self.clock.advance(minutes=7)
        account_id = changes.setdefault("account_id", "acc_ada")
        with self.database.write() as connection:
            sealed = self.audit.vault.seal_json_for(
                connection,
                account_id,
                {**context.to_inputs(), **changes.pop("inputs", {})},
                context=f"risk_decisions:{decision_id}",
                now=now,
            )
            values = {
                "flow_id": "flow_1",
                "client_id": context.client_id,
                "trigger": context.trigger.value,
                "decision": made.decision.value,
                "required": made.required.name.lower(),
                "log_odds": made.log_odds,
                "probability": made.probability,
                "policy_version": made.policy_version,
                "model_version": made.model_version,
                "contributions": [each.to_json() for each in made.contributions],
                "inputs_sealed": sealed,
                **changes,
            }
            insert_decision(connection, StoredDecision(id=decision_id, at=now, **values))
        return decision_id

    def replay(self, new: Policy = POLICY, *, old: tuple[Policy, ...] = (POLICY,), processes: int = 1) -> Tally:
        url = self.database.url.render_as_string(hide_password=False)
        work = Work(url, self.audit.vault.keyring, {each.version: each for each in old}, new)
        now = self.clock.now()
        return replay(work, now - timedelta(days=30), now + timedelta(seconds=1), processes=processes)


@pytest.fixture
def past(database: Database, audit: Audit, clock: SettableClock) -> Past:
    return Past(database, audit, clock)


def verdicts(tally: Tally) -> dict[str, int]:
    return {str(name): count for name, count in tally.verdicts.items() if count}


def test_nothing_was_decided(past: Past) -> None:
    assert past.replay().report()["decisions"] == 0


def test_under_the_same_policy_everything_comes_out_equal(past: Past) -> None:
    for context in (HOME, ABROAD, GUARDED):
        past.decided(context)
    report = past.replay().report()
    assert verdicts(past.replay()) == {"equal": 3}
    assert report["all"]["changed"] == {}


def test_what_another_policy_changes_is_counted_by_segment_and_label(past: Past) -> None:
    past.decided(HOME)
    bad = past.decided(ABROAD, client_id=None)
    with past.database.write() as connection:
        connection.execute(
            insert(risk_labels).values(
                decision_id=bad, label="compromised", labelled_by="acc_ines", at=past.clock.now()
            )
        )
    abroad_at_home = past.decided(replace(HOME, country=Seen.NEW, network=Seen.NEW))
    assert abroad_at_home
    report: Any = past.replay(STRICTER).report()
    assert report["recomputed"]["equal"] == 3, "it is the old policy that has to come out equal"
    assert report["all"]["before"] == {"allow": 2, "step_up": 1, "deny": 0}
    assert report["all"]["after"] == {"allow": 1, "step_up": 2, "deny": 0}
    assert report["all"]["changed"] == {"allow -> step_up": 1}
    assert report["by"]["label"]["compromised"]["before"]["step_up"] == 1
    assert report["by"]["client"]["authsvc"]["decisions"] == 1
    assert report["by"]["device"]["known"]["changed"] == {"allow -> step_up": 1}
    assert set(report["by"]["country"]) == {"known", "new"}
    lines = list(table(report))
    assert any("3 came out equal" in line for line in lines)
    assert any(line.split() == ["1", "allow", "->", "step_up"] for line in lines)


def test_other_weights_and_an_older_policy_are_told_apart(past: Past) -> None:
    weighed = replace(POLICY, weights=replace(POLICY.weights, groups=(("device", 2.0),)))
    past.decided(ABROAD, policy=weighed)
    past.decided(ABROAD)
    assert verdicts(past.replay(STRICTER, old=(POLICY, weighed))) == {"equal": 2}


@pytest.mark.parametrize(
    ("column", "value", "verdict"),
    [
        ("log_odds", -1.25, "mismatch"),
        ("decision", "deny", "mismatch"),
        ("required", "mfa", "mismatch"),
        ("probability", 0.5, "mismatch"),
        ("model_version", "initial-1", "other_model"),
        ("policy_version", "0" * 64, "unknown_policy"),
        ("inputs_sealed", b"\x01\x00garbage-garbage-garbage", "unreadable"),
        ("account_id", None, "erased"),
    ],
)
def test_what_can_not_come_out_equal_says_why(past: Past, column: str, value: object, verdict: str) -> None:
    past.decided(HOME)
    changed = past.decided(ABROAD)
    with past.database.write() as connection:
        connection.execute(update(risk_decisions).where(risk_decisions.c.id == changed).values({column: value}))
    tally = past.replay()
    assert verdicts(tally) == {"equal": 1, verdict: 1}
    assert tally.mismatches == ([changed] if verdict == "mismatch" else [])


def test_a_person_who_was_erased_and_inputs_of_another_version(past: Past) -> None:
    past.decided(HOME, account_id="acc_gone")
    past.decided(HOME, inputs={"version": 99})
    with past.database.write() as connection:
        connection.execute(delete(personal_keys).where(personal_keys.c.account_id == "acc_gone"))
    assert verdicts(past.replay()) == {"erased": 1, "unreadable": 1}


def test_inputs_of_the_version_before_are_decided_again(past: Past) -> None:
    context = replace(HOME, client_id=None)
    older = {name: value for name, value in context.to_inputs().items() if name not in ("client_id", "action")}
    past.decided(context, inputs={**older, "version": 4})
    assert verdicts(past.replay()) == {"equal": 1}


def test_a_decision_without_scoring_is_no_mismatch(past: Past) -> None:
    past.decided(HOME, decision=blind_decision(POLICY, HOME))
    tally = past.replay()
    assert verdicts(tally) == {"failed_closed": 1} and not tally.mismatches


def test_two_processes_count_what_one_counts(past: Past) -> None:
    for number in range(40):
        past.decided(ABROAD if number % 3 else HOME, account_id=f"acc_{number % 7}")
    assert past.replay(STRICTER, processes=2) == past.replay(STRICTER)
