"""The cohort on both databases: who is in it, how a prototype comes and goes, what a calibration makes of it."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from sqlalchemy import Connection, func, select

from authsvc.accounts.consents.service import Consents, Purpose
from authsvc.accounts.store import Account, insert_account
from authsvc.cli.face import app
from authsvc.core.audit.service import Audit
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database
from authsvc.core.origin import Origin
from authsvc.core.sealing.service import Vault
from authsvc.factors.face.embedder.choice import DLIB_ID
from authsvc.factors.face.matching import store
from authsvc.factors.face.matching.cohort import MEMBERS, MIN_PROTOTYPES, NEAREST
from authsvc.factors.face.matching.service import Matching
from authsvc.factors.face.matching.tables import face_cohort_members, face_operating_points, face_prototypes
from authsvc.factors.face.measured import FloatArray
from authsvc.factors.face.store import delete_face_data
from authsvc.factors.face.templates.service import Templates
from authsvc.settings import FaceSettings, Settings
from tests.support.clocks import SettableClock
from tests.support.commands import Command

D = 128
OTHER = "onnx/another/1"
ORIGIN = Origin("req_cohort", "203.0.113.7", "an app")


def vector(number: int) -> FloatArray:
    return np.random.default_rng(number).normal(scale=0.5 / math.sqrt(D), size=D)


class Shop:
    """A cohort, and customers who join and leave."""

    def __init__(self, database: Database, vault: Vault, audit: Audit, clock: SettableClock) -> None:
        self.database, self.clock = database, clock
        self.matching = Matching(vault, audit, FaceSettings())
        self.templates = Templates(vault, audit)
        self.consents = Consents(audit, {Purpose.FACE: delete_face_data})

    def join(self, *numbers: int, embedder: str = DLIB_ID) -> None:
        for number in numbers:
            self.clock.advance(seconds=1)
            with self.database.write() as connection:
                account = Account(f"acc_{number}", b"%d" % number, "Someone", "active", self.clock.now())
                insert_account(connection, account)
                self.matching.grow(connection, account.id, vector(number), embedder=embedder, now=self.clock.now())

    def leave(self, number: int) -> None:
        with self.database.write() as connection:
            self.matching.forget(connection, f"acc_{number}")

    def cohort(self, embedder: str = DLIB_ID) -> FloatArray:
        with self.database.read() as connection:
            return self.matching.cohort(connection, embedder).prototypes

    def counts(self) -> tuple[int, int, int]:
        """Return how many prototypes there are, how many people are in one, and how many wait."""
        in_one = face_cohort_members.c.prototype_id.is_not(None)
        with self.database.read() as connection:
            found = [
                connection.execute(select(func.count()).select_from(face_prototypes)).scalar_one(),
                connection.execute(select(func.count()).select_from(face_cohort_members).where(in_one)).scalar_one(),
                connection.execute(select(func.count()).select_from(face_cohort_members).where(~in_one)).scalar_one(),
            ]
        return found[0], found[1], found[2]


@pytest.fixture
def shop(database: Database, vault: Vault, audit: Audit, clock: SettableClock) -> Shop:
    return Shop(database, vault, audit, clock)


def test_a_prototype_is_made_when_enough_people_wait(shop: Shop) -> None:
    shop.join(*range(MEMBERS - 1))
    assert shop.counts() == (0, 0, MEMBERS - 1)
    assert len(shop.cohort()) == 0  # who waits is compared with nobody
    shop.join(MEMBERS - 1)
    assert shop.counts() == (1, MEMBERS, 0)
    assert shop.cohort()[0] == pytest.approx(np.mean([vector(number) for number in range(MEMBERS)], axis=0))


def test_nobody_is_in_twice(shop: Shop) -> None:
    shop.join(*range(MEMBERS))
    shop.join(*range(MEMBERS))
    assert shop.counts() == (1, MEMBERS, 0)


def test_nothing_of_it_lies_in_the_database_in_the_plain(shop: Shop) -> None:
    shop.join(*range(MEMBERS + 1))
    plain = [vector(number) for number in range(MEMBERS + 1)] + list(shop.cohort())
    with shop.database.read() as connection:
        kept = [
            *connection.execute(select(face_prototypes.c.sealed)).scalars(),
            *connection.execute(select(face_cohort_members.c.waiting)).scalars(),
        ]
    sealed = [each for each in kept if each is not None]
    assert len(sealed) == 2  # one prototype, one who waits: nobody's own vector is left of the others
    assert not any(each.astype("<f8").tobytes()[:64] in value for each in plain for value in sealed)


@pytest.mark.parametrize("leaver", [0, 3, MEMBERS - 1])
def test_who_leaves_takes_the_whole_prototype_along(shop: Shop, leaver: int) -> None:
    shop.join(*range(2 * MEMBERS + 1))
    kept = shop.cohort()
    shop.leave(leaver)
    assert shop.counts() == (1, MEMBERS, 1)
    (left,) = shop.cohort()
    assert any(np.array_equal(left, each) for each in kept)
    assert left == pytest.approx(np.mean([vector(number) for number in range(MEMBERS, 2 * MEMBERS)], axis=0))
    shop.join(1)  # at their next success they are part of it again
    assert shop.counts() == (1, MEMBERS, 2)


def test_who_leaves_while_waiting_is_gone(shop: Shop) -> None:
    shop.join(*range(MEMBERS - 1))
    shop.leave(0)
    shop.leave(99)
    assert shop.counts() == (0, 0, MEMBERS - 2)
    shop.join(MEMBERS, MEMBERS + 1)
    assert shop.cohort()[0] == pytest.approx(np.mean([vector(n) for n in (1, 2, 3, MEMBERS, MEMBERS + 1)], axis=0))


def test_taking_consent_back_deletes_it_in_the_same_transaction(shop: Shop) -> None:
    shop.join(*range(MEMBERS))
    with shop.database.write() as connection:
        shop.consents.give(connection, "acc_2", Purpose.FACE, origin=ORIGIN, now=shop.clock.now())
    assert shop.counts() == (1, MEMBERS, 0)
    with shop.database.write() as connection:
        shop.consents.withdraw(connection, "acc_2", Purpose.FACE, origin=ORIGIN, now=shop.clock.now())
        assert connection.execute(select(func.count()).select_from(face_prototypes)).scalar_one() == 0
    assert shop.counts() == (0, 0, 0)
    assert len(shop.cohort()) == 0


def test_an_account_that_is_erased_without_its_factor_leaves_no_vector_of_its_own(shop: Shop) -> None:
    shop.join(*range(MEMBERS - 1))
    with shop.database.write() as connection:
        shop.matching.vault.destroy_key(connection, "acc_0", now=shop.clock.now())
    shop.join(MEMBERS, MEMBERS + 1)  # what can't be opened any more is passed over
    assert shop.counts() == (1, MEMBERS, 1)


def test_each_network_has_its_own(shop: Shop) -> None:
    shop.join(*range(MEMBERS - 1))
    shop.join(*range(100, 100 + MEMBERS), embedder=OTHER)
    assert shop.counts() == (1, MEMBERS, MEMBERS - 1)
    assert len(shop.cohort()) == 0
    assert len(shop.cohort(OTHER)) == 1
    shop.join(100)  # enrolled anew with the other network: the former prototype has nobody's consent any more
    assert len(shop.cohort(OTHER)) == 0
    assert shop.counts() == (1, MEMBERS, 0)


def test_nobody_is_measured_against_a_prototype_that_they_are_part_of(shop: Shop) -> None:
    shop.join(*range(MEMBERS * MIN_PROTOTYPES))
    with shop.database.write() as connection:
        cohort = shop.matching.cohort(connection, DLIB_ID)
        relative = store.find_operating_point(connection, DLIB_ID, relative=True)
        assert relative is None
        match = shop.matching.compare(connection, "acc_0", DLIB_ID, vector(0), [vector(1)] * 3)
    assert cohort.stands
    assert match.point.threshold == FaceSettings().threshold
    assert match.point.fmr is not None
    assert match.measured == match.distance == pytest.approx(float(np.linalg.norm(vector(0) - vector(1))))


def test_a_stranger_among_the_frames_is_seen_where_the_mean_would_hide_them(shop: Shop) -> None:
    template = np.zeros(128)
    near, far = np.eye(128)[0] * 0.1, np.eye(128)[0] * 0.55
    mixed = [near, near, far]
    assert np.linalg.norm(np.mean(mixed, axis=0)) < FaceSettings().threshold
    with shop.database.read() as connection:
        assert shop.matching.compare(connection, "acc_0", DLIB_ID, template, [near] * 3).matched
        assert not shop.matching.compare(connection, "acc_0", DLIB_ID, template, mixed).matched


# -- authsvc face


@pytest.fixture
def command(shop: Shop, make_settings, monkeypatch: pytest.MonkeyPatch, vault: Vault) -> Iterator[Settings]:
    url = shop.database.url.render_as_string(hide_password=False)
    settings: Settings = make_settings(
        database={"url": url},
        secrets={"master_keys": f"k1:{_base64(bytes(range(32)))}", "audit_key": _base64(b"a" * 32)},
    )
    monkeypatch.setattr("authsvc.settings.load_settings", lambda: settings)
    yield settings


def _base64(key: bytes) -> str:
    import base64

    return base64.b64encode(key).decode()


run = Command(app).run


def enrol(shop: Shop, count: int) -> None:
    with shop.database.write() as connection:
        for number in range(count):
            account = Account(f"acc_{number}", b"%d" % number, "Someone", "active", shop.clock.now())
            insert_account(connection, account)
            shop.templates.keep(
                connection, account.id, vector(number), embedder=DLIB_ID, frames=3, now=shop.clock.now()
            )
            shop.matching.grow(connection, account.id, vector(number), embedder=DLIB_ID, now=shop.clock.now())


def test_few_customers_can_promise_nothing(shop: Shop, command: Settings) -> None:
    enrol(shop, 20)
    result = run("calibrate", "--fmr", "0.001")
    assert result.exit_code == 1
    assert "190 impostor pairs can't show a false-match rate of 0.001: that takes 2996" in result.output
    with shop.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(face_operating_points)).scalar_one() == 0


def test_enough_customers_choose_both_points_which_decide_from_then_on(shop: Shop, command: Settings) -> None:
    people = MEMBERS * (MIN_PROTOTYPES + 4)
    enrol(shop, people)
    dry = run("calibrate", "--fmr", "0.002", "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert f"of {people * (people - 1) // 2} pairs of {people} accounts" in dry.output
    with shop.database.read() as connection:
        assert store.find_operating_point(connection, DLIB_ID, relative=False) is None
    result = run("calibrate", "--fmr", "0.002")
    assert result.exit_code == 0, result.output
    with shop.database.read() as connection:
        points = shop.matching.points(connection, DLIB_ID)
        match = shop.matching.compare(connection, "acc_0", DLIB_ID, vector(0), [vector(0) * 1.01] * 3)
        tags = connection.execute(select(audit_events.c.tag, audit_events.c.facts)).all()
    assert points.relative is not None
    assert (points.relative.prototypes, points.relative.people) == (MIN_PROTOTYPES + 4, people)
    assert points.plain.fmr == points.relative.fmr == 0.002
    assert match.matched
    assert match.point == points.relative
    kept = [row.facts["kind"] for row in tags if row.tag == "cli:face:calibrated"]
    assert kept == ["plain", "relative"]

    # Half of the customers leave: the relative point was measured beside more prototypes than there are.
    for number in range(0, MEMBERS * 8, MEMBERS):
        shop.leave(number)
    with shop.database.read() as connection:
        assert shop.matching.compare(connection, "acc_70", DLIB_ID, vector(70), [vector(70)] * 3).point == points.plain

    assert run("calibrate", "--reset").exit_code == 0
    with shop.database.read() as connection:
        after = shop.matching.points(connection, DLIB_ID)
        reset = select(audit_events.c.facts).where(audit_events.c.tag == "cli:face:calibration_reset")
        assert connection.execute(reset).scalar_one() == {"points": 2}
    assert after.relative is None
    assert after.plain.threshold == FaceSettings().threshold
    assert NEAREST <= MIN_PROTOTYPES


def test_the_network_is_built_where_the_settings_say(shop: Shop, command: Settings, tmp_path, monkeypatch) -> None:
    settings = command.model_copy(update={"face": FaceSettings(model_folder=tmp_path / "models")})
    monkeypatch.setattr("authsvc.settings.load_settings", lambda: settings)
    first, second = run("build"), run("build")
    assert first.output.startswith("Built: ")
    assert second.output.startswith("Already there: ")
    assert DLIB_ID in first.output
    (tmp_path / "file").write_text("")
    settings = command.model_copy(update={"face": FaceSettings(model_folder=tmp_path / "file" / "models")})
    refused = run("build")
    assert refused.exit_code == 1
    assert "can't be written" in refused.output


def test_what_another_thread_forgets_is_not_missing_here(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cohort that lost prototypes on the way lies further off: relative distances shrink, and strangers pass."""
    shop.join(*range(2 * MEMBERS))
    shop.cohort()
    shop.join(*range(20, 20 + MEMBERS))
    listed = store.list_sealed_prototypes

    def meanwhile(connection: Connection, ids: Sequence[str]) -> dict[str, bytes]:
        monkeypatch.setattr(store, "list_sealed_prototypes", listed)
        shop.matching.cohort(connection, OTHER)  # has none, and forgets what is not its own
        return listed(connection, ids)

    monkeypatch.setattr(store, "list_sealed_prototypes", meanwhile)
    assert len(shop.cohort()) == 3
