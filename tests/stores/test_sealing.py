"""The vault on both databases: a key per person, which can be destroyed."""

import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, select, text, update

from authsvc.accounts.tables import accounts
from authsvc.core.errors import Gone
from authsvc.core.migrations import upgrade
from authsvc.core.sealing.cipher import CannotOpen, Keyring
from authsvc.core.sealing.service import Vault
from authsvc.core.sealing.tables import personal_keys

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def seal(database, vault, clock):
    def seal(account_id: str, value: object, context: str = "t:1") -> bytes:
        with database.write() as connection:
            return vault.seal_json_for(connection, account_id, value, context=context, now=clock.now())

    return seal


def open_json(database, vault, account_id, sealed, context="t:1"):
    with database.read() as connection:
        return vault.open_json_for(connection, account_id, sealed, context=context)


def test_a_personal_value_opens_again(database, vault, seal):
    sealed = seal("acc_1", {"name": "Anna"})
    assert b"Anna" not in sealed
    assert open_json(database, vault, "acc_1", sealed) == {"name": "Anna"}


def test_a_value_moved_to_another_row_or_person_does_not_open(database, vault, seal):
    sealed = seal("acc_1", {"name": "Anna"})
    seal("acc_2", {"name": "Bert"})
    with pytest.raises(CannotOpen):
        open_json(database, vault, "acc_1", sealed, context="t:2")
    with pytest.raises(CannotOpen):
        open_json(database, vault, "acc_2", sealed)


def test_a_key_moved_to_another_person_does_not_open(database, vault, seal):
    sealed = seal("acc_1", {"name": "Anna"})
    seal("acc_2", {"name": "Bert"})
    with database.write() as connection:
        key = connection.execute(select(personal_keys.c.sealed_key).where(personal_keys.c.account_id == "acc_1"))
        move = update(personal_keys).where(personal_keys.c.account_id == "acc_2")
        connection.execute(move.values(sealed_key=key.scalar_one()))
    with pytest.raises(CannotOpen):
        open_json(database, Vault(vault.keyring), "acc_2", sealed)


def test_nothing_opens_after_the_key_was_destroyed(database, vault, seal, clock):
    sealed = seal("acc_1", {"name": "Anna"})
    elsewhere = Vault(vault.keyring)  # another machine, with the key in its cache
    assert open_json(database, elsewhere, "acc_1", sealed) == {"name": "Anna"}
    with database.write() as connection:
        vault.destroy_key(connection, "acc_1", now=clock.now())
    assert open_json(database, vault, "acc_1", sealed) is None
    assert open_json(database, elsewhere, "acc_1", sealed) is None


@pytest.mark.parametrize("had_a_key", [True, False])
def test_nobody_seals_for_an_erased_person(database, vault, seal, clock, had_a_key):
    """A request that is under way would otherwise leave what nobody erases any more."""
    if had_a_key:
        seal("acc_1", {"name": "Anna"})
    with database.write() as connection:
        vault.destroy_key(connection, "acc_1", now=clock.now())
    for each in (vault, Vault(vault.keyring)):
        with pytest.raises(Gone) as refusal, database.write() as connection:
            each.seal_json_for(connection, "acc_1", {"name": "Anna"}, context="c", now=clock.now())
        assert refusal.value.code == "account.erased"
    with database.write() as connection:
        vault.destroy_key(connection, "acc_1", now=clock.now())  # twice is once


def test_personal_keys_survive_a_rotation_of_the_master_key(database, vault, seal):
    sealed = seal("acc_1", {"name": "Anna"})
    rotated = Vault(Keyring({**vault.keyring.keys, "k2": bytes(32)}, current="k2"))
    assert open_json(database, rotated, "acc_1", sealed) == {"name": "Anna"}
    withdrawn = Vault(Keyring({"k2": bytes(32)}, current="k2"))
    with pytest.raises(CannotOpen):
        open_json(database, withdrawn, "acc_1", sealed)


def test_sixteen_first_uses_at_once_make_one_key(database, keyring, clock):
    sealed: list[bytes] = []
    ready = threading.Barrier(16)

    def first_use() -> None:
        vault = Vault(keyring)  # each with a cache of its own, as on sixteen machines
        ready.wait()
        with database.write() as connection:
            sealed.append(vault.seal_json_for(connection, "acc_1", "Anna", context="t:1", now=clock.now()))

    threads = [threading.Thread(target=first_use) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [open_json(database, Vault(keyring), "acc_1", each) for each in sealed] == ["Anna"] * 16


def test_the_cache_stays_small(database, vault, seal, monkeypatch):
    monkeypatch.setattr(vault._cache, "_size", 2)
    sealed = {number: seal(f"acc_{number}", number) for number in range(5)}
    assert len(vault._cache._keys) == 2
    assert all(open_json(database, vault, f"acc_{number}", each) == number for number, each in sealed.items())


def test_people_who_were_erased_before_there_were_empty_keys_get_one(database, vault, seal, clock):
    rows = [
        {"id": f"acc_{name}", "user_handle": name.encode(), "display_name": "", "status": status, "created_at": AT}
        for name, status in (("gone", "erased"), ("named_late", "erased"), ("here", "active"))
    ]
    with database.write() as connection:
        connection.execute(insert(accounts), rows)
        connection.execute(text("UPDATE alembic_version SET version_num = '0002'"))
    sealed = seal("acc_named_late", {})
    kept = seal("acc_here", {})
    upgrade(database.url.render_as_string(hide_password=False))
    assert open_json(database, vault, "acc_named_late", sealed) is None
    assert open_json(database, vault, "acc_here", kept) == {}
    for gone in ("acc_gone", "acc_named_late"):
        with pytest.raises(Gone):
            seal(gone, {})
