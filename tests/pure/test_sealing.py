"""AES-256-GCM with a key ring: a sealed value opens in its own row, under its own key, and nowhere else."""

import pytest

from authsvc.core.sealing.cipher import CannotOpen, Keyring, key_id_of, open_with, seal_with

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
NONCE = bytes(12)
RING = Keyring({"k1": OLD}, current="k1")


def test_a_sealed_value_opens_again():
    sealed = RING.seal(b"secret", context="t:1", nonce=NONCE)
    assert b"secret" not in sealed
    assert RING.open(sealed, context="t:1") == b"secret"


def test_the_format_is_version_key_id_nonce_ciphertext():
    sealed = RING.seal(b"secret", context="t:1", nonce=b"n" * 12)
    assert sealed[:16] == b"\x01\x02k1" + b"n" * 12
    assert len(sealed) == 16 + len(b"secret") + 16
    assert key_id_of(sealed) == "k1"


def test_a_value_moved_to_another_row_does_not_open():
    sealed = RING.seal(b"secret", context="t:1", nonce=NONCE)
    with pytest.raises(CannotOpen):
        RING.open(sealed, context="t:2")


@pytest.mark.parametrize("place", range(28))
def test_no_byte_can_be_changed(place):
    sealed = bytearray(RING.seal(b"secret", context="t:1", nonce=NONCE))
    sealed[place] ^= 1
    with pytest.raises(CannotOpen):
        RING.open(bytes(sealed), context="t:1")


@pytest.mark.parametrize("length", range(32))
def test_a_torn_value_does_not_open(length):
    sealed = RING.seal(b"secret", context="t:1", nonce=NONCE)
    with pytest.raises(CannotOpen):
        RING.open(sealed[:length], context="t:1")


def test_another_key_under_the_same_name_does_not_open_it():
    sealed = RING.seal(b"secret", context="t:1", nonce=NONCE)
    with pytest.raises(CannotOpen):
        Keyring({"k1": NEW}, current="k1").open(sealed, context="t:1")


def test_after_a_rotation_old_values_open_and_new_ones_use_the_new_key():
    old = RING.seal(b"secret", context="t:1", nonce=NONCE)
    rotated = Keyring({"k2": NEW, "k1": OLD}, current="k2")
    assert rotated.open(old, context="t:1") == b"secret"
    assert key_id_of(rotated.seal(b"secret", context="t:1", nonce=NONCE)) == "k2"


def test_a_key_that_left_the_ring_opens_nothing():
    old = RING.seal(b"secret", context="t:1", nonce=NONCE)
    with pytest.raises(CannotOpen, match="not in the ring"):
        Keyring({"k2": NEW}, current="k2").open(old, context="t:1")


def test_look_ups_find_rows_of_every_key_in_the_ring():
    rotated = Keyring({"k1": OLD, "k2": NEW}, current="k2")
    assert rotated.indexes("code", "12345678") == (rotated.index("code", "12345678"), RING.index("code", "12345678"))


def test_purposes_have_keys_of_their_own():
    assert RING.index("code", "1") != RING.index("address", "1")
    assert RING.derived("csrf") != RING.derived("device")
    assert RING.derived("csrf")[0] not in (OLD, NEW)


def test_a_ring_refuses_short_keys_and_an_unknown_current_one():
    with pytest.raises(ValueError, match="32 bytes"):
        Keyring({"k1": b"short"}, current="k1")
    with pytest.raises(ValueError, match="not in the ring"):
        Keyring({"k1": OLD}, current="k2")


def test_a_nonce_has_twelve_bytes():
    with pytest.raises(ValueError, match="12 bytes"):
        seal_with(OLD, b"x", key_id="k", context="t", nonce=b"")


def test_a_personal_key_seals_and_opens():
    sealed = seal_with(OLD, b"x", key_id="person", context="t:1", nonce=NONCE)
    assert open_with(OLD, sealed, context="t:1") == b"x"
    with pytest.raises(CannotOpen):
        open_with(NEW, sealed, context="t:1")


def test_keys_do_not_show_in_a_repr():
    assert "keys" not in repr(RING)
