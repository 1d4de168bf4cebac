"""Sixteen at once on PostgreSQL: a code is redeemed once, a refresh token has one successor, keys are made once."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from authsvc.core.database import Database
from authsvc.oidc.keys.service import SigningKeys
from authsvc.oidc.tables import refresh_tokens, signing_keys, token_families
from authsvc.settings import Settings
from tests.support.clocks import SettableClock
from tests.support.provider import Relying, Rig, build_rig
from tests.support.races import THREADS, at_once

pytestmark = pytest.mark.postgresql


@pytest.fixture
def rig(postgresql_only_database: Database, clock: SettableClock, make_settings: Callable[..., Settings]) -> Rig:
    return build_rig(make_settings(), postgresql_only_database, clock)


def test_sixteen_redeem_one_code_and_one_gets_it(rig: Rig) -> None:
    shop, ada = rig.relying(), rig.account()
    code = shop.code(rig.browser(), ada)
    answers = at_once(lambda _: shop.redeem(code))

    assert sorted(answer.status_code for answer in answers) == [200] + [400] * (THREADS - 1)
    assert {answer.json().get("error") for answer in answers} == {None, "invalid_grant"}
    with rig.database.read() as connection:
        families = connection.execute(select(token_families)).all()
    assert len(families) == 1
    # Fifteen second uses: what the one got is revoked, once.
    assert families[0].revoke_reason == "code_reused"
    assert [event["revoked"] for event in rig.events("oidc:code:reused")].count(True) == 1


def test_sixteen_refresh_with_one_token_and_get_one_successor(rig: Rig) -> None:
    shop, ada = rig.relying(), rig.account()
    token = shop.sign_in(rig.browser(), ada)["refresh_token"]
    answers = at_once(lambda _: shop.refresh(token))

    assert [answer.status_code for answer in answers] == [200] * THREADS
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    with rig.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(refresh_tokens)).scalar_one() == 2
        family = connection.execute(select(token_families)).one()
    assert family.revoked_at is None
    assert rig.told.accounts == []


def test_sixteen_public_refreshes_leave_one_revoked_family_and_one_warning(rig: Rig) -> None:
    app: Relying = rig.relying(auth_method="none")
    ada = rig.account()
    token = app.sign_in(rig.browser(), ada)["refresh_token"]
    answers = at_once(lambda _: app.refresh(token))

    assert sorted(answer.status_code for answer in answers) == [200] + [400] * (THREADS - 1)
    with rig.database.read() as connection:
        family = connection.execute(select(token_families)).one()
    assert family.revoke_reason == "refresh_reused"
    assert rig.told.accounts == [ada.id]
    assert len(rig.events("oidc:refresh:reused")) == 1


def test_many_machines_start_at_once_and_share_their_keys(rig: Rig) -> None:
    with rig.database.write() as connection:
        connection.execute(signing_keys.delete())

    def start(_: int) -> set[str | None]:
        machine = SigningKeys(rig.database, rig.vault, rig.keys.audit, rig.clock, rig.settings.tokens)
        return {key.kid for key in machine.current().signing.values()}

    assert len({frozenset(kids) for kids in at_once(start)}) == 1
