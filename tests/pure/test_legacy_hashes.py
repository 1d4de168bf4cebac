"""Hashes of other systems: what is refused and why, what a check costs, and that everybody pays the same.

Known answers are in tests/vectors/test_legacy_hashes.py.
"""

import base64
import hashlib
from collections import Counter
from time import process_time, thread_time
from typing import Any

import bcrypt
import pytest
from argon2 import PasswordHasher, Type, low_level
from hypothesis import given, settings
from hypothesis import strategies as st

from authsvc.core.errors import BadInput
from authsvc.factors.password.argon2_hasher import Hasher
from authsvc.factors.password.legacy import hashes
from authsvc.factors.password.legacy.formats import Kind, LegacyHash, Work, parse, phpass_encode
from authsvc.factors.password.legacy.hashes import matches, spend
from authsvc.settings import PasswordSettings

CHEAP = PasswordSettings(memory_kib=64, time_cost=1)
KEY = "A" * 42 + "A"
BCRYPT = "$2b$04$CCCCCCCCCCCCCCCCCCCCC.flu1Gv69OE8XQBS4Bm1aHA6o5dN4y3."
PHPASS = "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0"

REASONS = {"import.hash_unsupported", "import.hash_malformed", "import.hash_too_costly"}


@pytest.mark.parametrize(
    ("stored", "code"),
    [
        ("", "import.hash_unsupported"),
        ("tea", "import.hash_unsupported"),
        ("wordpress", "import.hash_unsupported"),
        ("5f4dcc3b5aa765d61d8327deb882cf99", "import.hash_unsupported"),  # MD5
        ("$1$salt$qJH7.N4xYta3aEG/dfqo/0", "import.hash_unsupported"),  # md5crypt
        ("$6$salt$x", "import.hash_unsupported"),
        ("$argon2d$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$" + KEY, "import.hash_unsupported"),
        ("$S$Dabc", "import.hash_unsupported"),  # Drupal
        (BCRYPT.replace("$2b$", "$2x$"), "import.hash_unsupported"),
        (BCRYPT.replace("$2b$", "$2$"), "import.hash_unsupported"),
        (BCRYPT[:-1], "import.hash_malformed"),
        (BCRYPT + "\n", "import.hash_malformed"),
        (BCRYPT.replace("$04$", "$03$"), "import.hash_malformed"),
        (BCRYPT.replace("C.flu", "C/flu"), "import.hash_malformed"),  # stray bits in the salt
        (BCRYPT.replace("$04$", "$14$"), "import.hash_too_costly"),
        (BCRYPT.replace("$04$", "$31$"), "import.hash_too_costly"),
        ("$wp" + BCRYPT.replace("$04$", "$31$"), "import.hash_too_costly"),
        ("$P$", "import.hash_malformed"),
        (PHPASS[:-1], "import.hash_malformed"),
        (PHPASS.replace("$P$9", "$P$3"), "import.hash_malformed"),
        (PHPASS.replace("$P$9", "$P$S"), "import.hash_too_costly"),
        (PHPASS.replace("$P$9", "$P$z"), "import.hash_malformed"),
        (f"$pbkdf2-md5$i=1000$c2FsdA${KEY}", "import.hash_malformed"),
        (f"$pbkdf2-sha256$i=0$c2FsdA${KEY}", "import.hash_malformed"),
        (f"$pbkdf2-sha256$i=-1$c2FsdA${KEY}", "import.hash_malformed"),
        (f"$pbkdf2-sha256$i=1000,l=31$c2FsdA${KEY}", "import.hash_malformed"),
        (f"$pbkdf2-sha256$i=1000$c2FsdA${KEY[:20]}", "import.hash_malformed"),  # 15 bytes
        ("$pbkdf2-sha256$i=1000$c2FsdA$" + "A" * 172, "import.hash_malformed"),  # 129 bytes
        (f"$pbkdf2-sha256$i=1000$c2FsdB${KEY}", "import.hash_malformed"),  # stray bits
        (f"$pbkdf2-sha256$i=1000$c2F_dA${KEY}", "import.hash_malformed"),
        (f"$pbkdf2-sha256$i=2000001$c2FsdA${KEY}", "import.hash_too_costly"),
        (f"$pbkdf2-sha512$i=1000001$c2FsdA${KEY}", "import.hash_too_costly"),
        (f"$pbkdf2-sha1$i=2000001$c2FsdA${KEY}", "import.hash_too_costly"),
        (f"$scrypt$ln=0,r=8,p=1$c2FsdA${KEY}", "import.hash_malformed"),
        (f"$scrypt$ln=16,r=1,p=1$c2FsdA${KEY}", "import.hash_malformed"),
        (f"$scrypt$ln=99,r=8,p=1$c2FsdA${KEY}", "import.hash_malformed"),
        (f"$scrypt$ln=18,r=8,p=1$c2FsdA${KEY}", "import.hash_too_costly"),
        (f"$scrypt$ln=17,r=8,p=3$c2FsdA${KEY}", "import.hash_too_costly"),
        (f"$scrypt$ln=63,r=8,p=1$c2FsdA${KEY}", "import.hash_too_costly"),
        (f"$scrypt$ln=1,r=1,p=999999$c2FsdA${KEY}", "import.hash_too_costly"),  # 2.7 s, and 128 MiB beside its own
        (f"$scrypt$ln=1,r=1,p=65$c2FsdA${KEY}", "import.hash_too_costly"),
        (f"$scrypt$ln=1,r=65,p=1$c2FsdA${KEY}", "import.hash_too_costly"),
        (f"$argon2id$v=18$m=64,t=1,p=1$c29tZXNhbHQ${KEY}", "import.hash_malformed"),
        (f"$argon2id$v=19$m=64,t=0,p=1$c29tZXNhbHQ${KEY}", "import.hash_malformed"),
        (f"$argon2id$v=19$m=15,t=1,p=2$c29tZXNhbHQ${KEY}", "import.hash_malformed"),
        (f"$argon2id$v=19$m=64,t=1,p=1$c2FsdA${KEY}", "import.hash_malformed"),  # a salt of 4 bytes
        (f"$argon2id$v=19$m=131073,t=1,p=1$c29tZXNhbHQ${KEY}", "import.hash_too_costly"),
        (f"$argon2id$v=19$m=65536,t=9,p=1$c29tZXNhbHQ${KEY}", "import.hash_too_costly"),
        (f"$argon2i$v=19$m=1024,t=1,p=9$c29tZXNhbHQ${KEY}", "import.hash_too_costly"),
        (f"$argon2id$v=19$m=64,t=1,p=1${'c29tZXNhbHQ' * 30}${KEY}", "import.hash_malformed"),  # wider than the column
    ],
)
def test_refused_hashes_and_their_reasons(stored: str, code: str) -> None:
    with pytest.raises(BadInput) as refusal:
        parse(stored)
    assert refusal.value.code == code
    assert not stored or stored not in refusal.value.detail


_PARTS = ["$", "2b", "2y", "wp", "P", "H", "pbkdf2-sha256", "scrypt", "argon2id", "i=", "m=", "ln=", ",", "v=19", "04"]
_NEARLY = st.lists(st.one_of(st.sampled_from(_PARTS), st.text(max_size=30)), max_size=12).map("".join)
_BENT = st.tuples(
    st.sampled_from([BCRYPT, PHPASS, f"$scrypt$ln=4,r=8,p=1$c2FsdA${KEY}"]), st.integers(0, 70), st.text()
)


@given(st.one_of(st.text(), _NEARLY, _BENT.map(lambda bent: bent[0][: bent[1]] + bent[2] + bent[0][bent[1] + 1 :])))
def test_any_text_is_read_or_refused_for_a_known_reason(stored: str) -> None:
    try:
        known = parse(stored)
    except BadInput as refusal:
        assert refusal.code in REASONS
    else:
        assert known.work.units > 0


@given(st.binary(max_size=40))
def test_phpass_base64_is_little_endian(value: bytes) -> None:
    alphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    bits = int.from_bytes(value, "little")
    length = (len(value) * 8 + 5) // 6
    assert phpass_encode(value) == "".join(alphabet[bits >> 6 * place & 63] for place in range(length))


@pytest.mark.parametrize(
    ("typed", "hashed"),
    [
        ("  tea for two \t\n", b"tea for two"),
        ("it's", rb"it\'s"),
        ('say "tea"', rb"say \"tea\""),
        ("back\\slash", rb"back\\slash"),
        ("\u00a0tea", "\u00a0tea".encode()),  # PHP's trim knows no Unicode
    ],
)
def test_wordpress_trims_and_slashes_before_it_hashes(typed: str, hashed: bytes) -> None:
    stored = bcrypt.hashpw(hashed, bcrypt.gensalt(4)).decode()
    assert matches(parse("wordpress" + stored), typed)
    assert matches(parse(stored), typed) == (typed.encode() == hashed)


@pytest.mark.parametrize("length", [71, 72, 73, 200])
def test_a_longer_password_than_bcrypt_reads_is_cut_and_not_refused(length: int) -> None:
    typed = "é" + "x" * (length - 2)
    stored = bcrypt.hashpw(typed.encode()[:72], bcrypt.gensalt(4)).decode()
    assert matches(parse(stored), typed)


def _pbkdf2(iterations: int, digest: str = "sha256") -> str:
    key = hashlib.pbkdf2_hmac(digest, b"right", b"salt", iterations, 32)
    return f"$pbkdf2-{digest}$i={iterations}$c2FsdA${base64.b64encode(key).decode().rstrip('=')}"


STORED = {
    "bcrypt": bcrypt.hashpw(b"right", bcrypt.gensalt(5)).decode(),
    "a cheaper bcrypt": bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode(),
    "pbkdf2": _pbkdf2(500),
    "another pbkdf2": _pbkdf2(300, "sha512"),
    "foreign argon2": PasswordHasher(time_cost=2, memory_cost=128, parallelism=1).hash("right"),
    "cheap argon2i": PasswordHasher(time_cost=1, memory_cost=8, parallelism=1, type=Type.I).hash("right"),
    "argon2 as it was typed": "typed" + PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("right"),
    "wordpress argon2": "wordpress" + PasswordHasher(time_cost=1, memory_cost=32, parallelism=1).hash("right"),
}


def tariff() -> dict[Kind, int]:
    costs: Counter[Kind] = Counter()
    for stored in STORED.values():
        work = parse(stored).work
        costs[work.kind] = max(costs[work.kind], work.units)
    return dict(costs)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> Counter[Kind]:
    """What was really computed, counted where it is: by the primitives, not by the hasher's own books."""
    counted: Counter[Kind] = Counter()

    def hashpw(secret: bytes, salt: bytes) -> bytes:
        counted[Kind.BCRYPT] += 2 ** int(salt.split(b"$")[2])
        return real_hashpw(secret, salt)

    def checkpw(secret: bytes, stored: bytes) -> bool:
        counted[Kind.BCRYPT] += 2 ** int(stored.split(b"$")[2])
        return real_checkpw(secret, stored)

    def pbkdf2(digest: str, secret: bytes, salt: bytes, iterations: int, size: int) -> bytes:
        assert size <= hashlib.new(digest).digest_size
        counted[Kind(f"pbkdf2-{digest}")] += iterations
        return real_pbkdf2(digest, secret, salt, iterations, size)

    def raw_argon2(secret: bytes, salt: bytes, passes: int, memory: int, *rest: object) -> bytes:
        counted[Kind.ARGON2] += passes * memory
        return real_raw(secret, salt, passes, memory, *rest)

    def verify_argon2(stored: bytes, secret: bytes, kind: Type) -> bool:
        counted[Kind.ARGON2] += parse(stored.decode()).work.units
        return real_verify(stored, secret, kind)

    def core(context: Any, kind: int) -> int:
        counted[Kind.ARGON2] += context.t_cost * context.m_cost
        return real_core(context, kind)

    real_hashpw, real_checkpw = bcrypt.hashpw, bcrypt.checkpw
    real_pbkdf2, real_raw = hashlib.pbkdf2_hmac, hashes.hash_secret_raw
    real_core, real_verify = hashes.core, low_level.verify_secret
    monkeypatch.setattr(bcrypt, "hashpw", hashpw)
    monkeypatch.setattr(bcrypt, "checkpw", checkpw)
    monkeypatch.setattr(hashlib, "pbkdf2_hmac", pbkdf2)
    monkeypatch.setattr(hashes, "hash_secret_raw", raw_argon2)
    monkeypatch.setattr(hashes, "core", core)
    monkeypatch.setattr("argon2.low_level.verify_secret", verify_argon2)
    monkeypatch.setattr("argon2._password_hasher.verify_secret", verify_argon2)
    return counted


@pytest.mark.parametrize("typed", ["wrong", "right"])
def test_unknown_known_and_imported_addresses_cost_the_same_work(computed: Counter[Kind], typed: str) -> None:
    hasher = Hasher(CHEAP, tariff)
    own = hasher.hash("right")
    work: dict[str, Counter[Kind]] = {}
    for who, stored in {"nobody": None, "own": own, "garbage": "$2b$nonsense", **STORED}.items():
        computed.clear()
        right = hasher.verify(stored, typed)
        assert right == (typed == "right" and who not in ("nobody", "garbage")), who
        work[who] = Counter(computed)
    assert work["nobody"] == Counter(tariff())
    different = {who: each for who, each in work.items() if each != work["nobody"]}
    assert not different


def test_without_imports_a_check_costs_one_argon2_and_nothing_else(computed: Counter[Kind]) -> None:
    hasher = Hasher(CHEAP)
    own = hasher.hash("right")
    computed.clear()
    assert hasher.verify(own, "right")
    assert not hasher.verify(None, "right")
    assert computed == {Kind.ARGON2: 2 * 64}


def test_what_the_hasher_counts_is_what_is_computed(computed: Counter[Kind]) -> None:
    hasher = Hasher(CHEAP, tariff)
    computed.clear()
    hasher.verify(STORED["bcrypt"], "wrong")
    hasher.verify(None, "wrong")
    assert hasher.worked == computed


@pytest.mark.parametrize("who", STORED)
def test_every_imported_hash_is_outdated(who: str) -> None:
    assert Hasher(CHEAP).outdated(STORED[who])


@given(st.sampled_from(Kind), st.integers(0, 64))
@settings(max_examples=60, deadline=None)
def test_any_rest_of_work_can_be_spent(kind: Kind, size: int) -> None:
    units = size * 1024 if kind is Kind.SCRYPT else size
    spend(Work(kind, max(1, units)), "a password with é and \ud800")


def test_another_systems_argon2_gets_the_password_as_it_was_typed() -> None:
    hasher, typed = Hasher(CHEAP), "tea\u00a0for two"  # which we would spell with an ordinary blank
    foreign = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(typed)
    assert hasher.verify("typed" + foreign, typed)
    assert not hasher.verify("typed" + foreign, "tea for two")
    assert hasher.verify(hasher.hash(typed), "tea for two")


def test_a_checked_hash_knows_its_system() -> None:
    assert isinstance(parse("wordpress" + PHPASS), LegacyHash)
    assert parse("wordpress" + PHPASS).wordpress
    assert not parse(PHPASS).wordpress


@pytest.mark.parametrize("variant", [Type.ID, Type.I])
@pytest.mark.parametrize("lanes", [1, 4, 8])
def test_another_systems_argon2_is_checked_by_one_thread_whatever_its_lanes(variant: Type, lanes: int) -> None:
    """With a thread a lane, whoever was imported would be answered sooner than everybody else on idle cores."""
    hasher = PasswordHasher(time_cost=2, memory_cost=16_384, parallelism=lanes, hash_len=40, type=variant)
    foreign = parse(hasher.hash("tea for two"))
    everywhere, here = process_time(), thread_time()
    assert matches(foreign, "tea for two")
    assert not matches(foreign, "tea for three")
    assert thread_time() - here > 0.8 * (process_time() - everywhere)
