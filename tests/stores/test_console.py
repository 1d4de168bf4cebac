"""The console's list and detail on both databases: filters, keyset, who may look, and the evidence of looking."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from authsvc.accounts.tables import roles
from authsvc.console.filters import OWN_PAGES, Filter, Place
from authsvc.console.service import PAGE_ROWS, Console, DecisionList, NoPermission, OpenedDecision
from authsvc.core.audit.service import Audit
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database
from authsvc.core.errors import BadInput, NotFound, NotSignedIn
from authsvc.core.origin import Origin
from authsvc.oidc.clients.service import ClientRegistry
from authsvc.risk.tables import risk_decisions
from tests.support.clocks import SettableClock
from tests.support.decisions import INPUTS, KNOWN_DEVICE, NEW_DEVICE, Analyst, Scene, StaffByCookie

HERE = Origin("req_test", "203.0.113.7", "test")
EVERYTHING = Filter(window="all")


@pytest.fixture
def scene(database: Database, audit: Audit, clock: SettableClock) -> Scene:
    return Scene(database, audit, clock.now())


@pytest.fixture
def console(scene: Scene, clock: SettableClock) -> Console:
    analyst = scene.person("Ines Okafor", "ines@example.org", role="analyst")
    stranger = scene.person("Sam", "sam@example.org")
    staff = StaffByCookie({"analyst": Analyst(analyst.id), "stranger": Analyst(stranger.id, "Sam")})
    return Console(scene.database, clock, scene.audit, scene.audit.vault, staff)


def listed(console: Console, asked: Filter = EVERYTHING, before: Place | None = None) -> DecisionList:
    found = console.decisions("analyst", asked, before, origin=HERE)
    assert isinstance(found, DecisionList)
    return found


def ids(found: DecisionList) -> list[str]:
    return [row.id for row in found.rows]


def events(database: Database, tag: str) -> list[dict[str, object]]:
    with database.read() as connection:
        query = select(audit_events.c.facts).where(audit_events.c.tag == tag).order_by(audit_events.c.id)
        return list(connection.execute(query).scalars())


def test_newest_come_first_with_their_people(console: Console, scene: Scene) -> None:
    ada = scene.person("Ada", "ada@example.org")
    older = scene.decision(ada, ago=timedelta(hours=2))
    newer = scene.decision(ada, ago=timedelta(hours=1))
    found = listed(console)
    assert ids(found) == [newer.id, older.id]
    assert found.people[ada.id].email == "ada@example.org"
    assert found.older is None


@pytest.mark.parametrize(
    "asked",
    [
        Filter("all", decision="deny"),
        Filter("all", reason="device.new"),
        Filter("all", client="cli_other"),
        Filter("all", account=" Eve@Example.org "),
        Filter("24h"),
        Filter("all", "deny", "device.new", "cli_other", "eve@example.org"),
    ],
)
def test_each_filter_finds_the_one_that_differs(console: Console, scene: Scene, asked: Filter) -> None:
    ada, eve = scene.person("Ada", "ada@example.org"), scene.person("Eve", "eve@example.org")
    for _ in range(3):
        scene.decision(ada, ago=timedelta(days=40))
    wanted = scene.decision(
        eve, decision="deny", contributions=[KNOWN_DEVICE, NEW_DEVICE], client_id="cli_other", ago=timedelta(hours=1)
    )
    assert ids(listed(console, asked)) == [wanted.id]


def test_authsvcs_own_pages_are_a_client_of_the_filter(console: Console, scene: Scene) -> None:
    ada = scene.person("Ada", "ada@example.org")
    scene.decision(ada)
    own = scene.decision(ada, client_id=None)
    found = listed(console, Filter("all", client=OWN_PAGES))
    assert ids(found) == [own.id]


def test_clients_are_shown_by_their_names(console: Console, scene: Scene, clock: SettableClock) -> None:
    client, _ = ClientRegistry(scene.database, scene.audit, clock).register_client(
        name="Tea Shop", redirect_uris=["https://shop.example/callback"]
    )
    decision = scene.decision(scene.person("Ada", "ada@example.org"), client_id=client.id)
    found = listed(console, Filter("all"))
    assert found.clients == {client.id: "Tea Shop"}
    opened = console.open_decision("analyst", decision.id, origin=HERE)
    assert isinstance(opened, OpenedDecision)
    assert opened.clients == {client.id: "Tea Shop"}


def test_a_reason_is_a_whole_code(console: Console, scene: Scene) -> None:
    scene.decision(scene.person("Ada", "ada@example.org"), contributions=[NEW_DEVICE])
    assert ids(listed(console, Filter("all", reason="device.ne"))) == []
    assert ids(listed(console, Filter("all", reason="%"))) == []
    assert ids(listed(console, Filter("all", reason="never signed in"))) == []


def test_an_address_that_nobody_has_is_said_to_be_unknown(console: Console, scene: Scene) -> None:
    scene.decision(scene.person("Ada", "ada@example.org"))
    found = listed(console, Filter("all", account="nobody@example.org"))
    assert found.unknown_account
    assert found.rows == ()


def test_an_address_that_is_none_is_refused(console: Console) -> None:
    with pytest.raises(BadInput, match=r"account\.address_invalid"):
        listed(console, Filter("all", account="no address"))


def test_pages_neither_repeat_nor_lose_rows_while_new_ones_arrive(console: Console, scene: Scene) -> None:
    ada = scene.person("Ada", "ada@example.org")
    # Three at each moment, so that pages break inside a tie.
    written = {scene.decision(ada, ago=timedelta(minutes=i // 3)).id for i in range(2 * PAGE_ROWS + 7)}
    seen: list[str] = []
    before: Place | None = None
    pages = 0
    while True:
        found = listed(console, before=before)
        seen += ids(found)
        pages += 1
        scene.decision(ada, ago=timedelta(minutes=-pages))  # arrives on top
        if (before := found.older) is None:
            break
    assert pages == 3
    assert len(seen) == len(set(seen))
    assert set(seen) == written


def test_looking_leaves_evidence_of_the_filter_but_not_of_the_address(
    console: Console, scene: Scene, database: Database
) -> None:
    ada = scene.person("Ada", "ada@example.org")
    scene.decision(ada)
    listed(console, Filter("30d", decision="allow", account="ada@example.org"))
    (facts,) = events(database, "console:decisions:viewed")
    assert facts["window"] == "30d"
    assert facts["decision"] == "allow"
    assert facts["account"] == ada.id
    assert facts["shown"] == 1
    assert "ada@" not in str(facts)


def test_a_decision_is_opened_with_its_inputs_and_what_happened_around_it(
    console: Console, scene: Scene, database: Database, clock: SettableClock
) -> None:
    ada, eve = scene.person("Ada", "ada@example.org"), scene.person("Eve", "eve@example.org")
    decision = scene.decision(ada)
    with database.write() as connection:
        for account, minutes in ((ada, 5), (ada, 90), (eve, 5)):
            at = clock.now() - timedelta(minutes=minutes)
            scene.audit.record(connection, "test:event:seen", now=at, account_id=account.id, facts={"m": minutes})
    opened = console.open_decision("analyst", decision.id, origin=HERE)
    assert isinstance(opened, OpenedDecision)
    assert opened.inputs == INPUTS
    assert not opened.altered
    assert opened.person is not None
    assert opened.person.display_name == "Ada"
    assert [event.facts for event in opened.events] == [{"m": 5}]
    (facts,) = events(database, "console:decision:opened")
    assert (facts["decision"], facts["subject"], facts["inputs"]) == (decision.id, ada.id, True)


def test_of_an_erased_person_the_decision_remains_and_the_inputs_do_not(
    console: Console, scene: Scene, database: Database
) -> None:
    ada = scene.person("Ada", "ada@example.org")
    decision = scene.decision(ada)
    with database.write() as connection:
        scene.audit.vault.destroy_key(connection, ada.id, now=scene.start)
    opened = console.open_decision("analyst", decision.id, origin=HERE)
    assert isinstance(opened, OpenedDecision)
    assert opened.inputs is None
    assert not opened.altered
    assert opened.decision.contributions == [KNOWN_DEVICE]


def test_inputs_of_another_row_are_seen_to_be_altered(console: Console, scene: Scene, database: Database) -> None:
    ada = scene.person("Ada", "ada@example.org")
    one, other = scene.decision(ada), scene.decision(ada)
    with database.write() as connection:
        statement = update(risk_decisions).where(risk_decisions.c.id == one.id)
        connection.execute(statement.values(inputs_sealed=other.inputs_sealed))
    opened = console.open_decision("analyst", one.id, origin=HERE)
    assert isinstance(opened, OpenedDecision)
    assert opened.altered
    assert opened.inputs is None


def test_without_the_role_nothing_is_shown_and_the_visit_is_recorded(
    console: Console, scene: Scene, database: Database
) -> None:
    decision = scene.decision(scene.person("Ada", "ada@example.org"))
    assert isinstance(console.decisions("stranger", EVERYTHING, None, origin=HERE), NoPermission)
    assert isinstance(console.open_decision("stranger", decision.id, origin=HERE), NoPermission)
    assert len(events(database, "console:access:refused")) == 2
    assert events(database, "console:decision:opened") == []


def test_a_role_that_is_taken_away_is_gone_at_once(console: Console, scene: Scene, database: Database) -> None:
    listed(console)
    with database.write() as connection:
        connection.execute(roles.delete())
    assert isinstance(console.decisions("analyst", EVERYTHING, None, origin=HERE), NoPermission)


def test_without_a_staff_session_there_is_no_console(console: Console, database: Database) -> None:
    for secret in (None, "", "somebody else's"):
        with pytest.raises(NotSignedIn):
            console.decisions(secret, EVERYTHING, None, origin=HERE)
        with pytest.raises(NotSignedIn):
            console.open_decision(secret, "dec_1", origin=HERE)


def test_an_unknown_decision_is_not_found(console: Console) -> None:
    with pytest.raises(NotFound, match=r"console\.decision_unknown"):
        console.open_decision("analyst", "dec_none", origin=HERE)


def test_nothing_is_shown_when_the_look_cannot_be_recorded(
    console: Console, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> str:
        raise OSError("disk full")

    scene.decision(scene.person("Ada", "ada@example.org"))
    monkeypatch.setattr(Audit, "record", fail)
    with pytest.raises(OSError, match="disk full"):
        listed(replace(console))
