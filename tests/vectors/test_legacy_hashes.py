"""Hashes of passwords that others published, with their sources. Each is checked with its password and with another.

bcrypt      Openwall crypt_blowfish 1.3, wrapper.c
phpass      Openwall phpass 0.5, test.php; FusionAuth's and Passlib's tests of phpass
wordpress   WordPress on PHP-WASM, its demo's pinned administrator (password `admin`), made by WordPress 6.8 or newer
pbkdf2      RFC 6070 (SHA-1), RFC 7914 section 11 (SHA-256), Wycheproof pbkdf2_hmacsha512_test.json (SHA-512), and texts
            of Ory Kratos' and EMQX's documentation in the PHC form
scrypt      RFC 7914 section 12
argon2      the reference implementation, phc-winner-argon2, src/test.c
"""

import base64

import pytest

from authsvc.core.errors import BadInput
from authsvc.factors.password.legacy.formats import encode, parse, pbkdf2_text
from authsvc.factors.password.legacy.hashes import matches

LONG = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored"

BCRYPT = [
    ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
    ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
    ("", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
    (LONG, "$2y$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"),
]
PHPASS = [
    ("test12345", "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0"),
    ("!?!#?#?#$&@&@!&@", "$P$Buvd5FQxkeXJnDarN7..wRMwRKJeZ40"),
    ("", "$P$7JaFQsPzJSuenezefD/3jHgt5hVfNH0"),
    ("test12345", "$H$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0"),  # phpBB's letter for the same
]
WORDPRESS = [("admin", "$wp$2y$10$Q1xinFjrZeLWJBvxviIL6u834Fu.evIEFHAUVisQ5O.w9Dm0sMdES")]
PBKDF2 = [
    (
        "test",
        "$pbkdf2-sha512$i=100000,l=32$bdHBpn7OWOivJMVJypy2UqR0UnaD5prQXRZevj/05YU"
        "$+wArTfv1a+bNGO1iZrmEdVjhA+lL11wF4/IxpgYfPwc",
    ),
    (
        "password",
        "$pbkdf2-sha512$i=100000,l=64$HqJwOCHweNk1pLryiu3RsA"
        "$KVSvxKYcibIG5S5n55RvxKRTdAAfCUtBJoy5IuFzdSZyzkwvUcU+FPawEWFPn+06JyZsndfRTfpiEh+2eSJLkg",
    ),
]
ARGON2 = [
    ("password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"),
    ("password", "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA"),
    ("password", "$argon2i$v=16$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ"),
    ("differentpassword", "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$FK6NoBr+qHAMI1jc73xTWNkCEoK9iGY6RWL1n7dNIu4"),
]

# digest, password, salt, iterations, derived key
DERIVED = [
    ("sha1", "password", "salt", 1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"),
    ("sha1", "password", "salt", 4096, "4b007901b765489abead49d926f721d065a429c1"),
    (
        "sha1",
        "passwordPASSWORDpassword",
        "saltSALTsaltSALTsaltSALTsaltSALTsalt",
        4096,
        "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038",
    ),
    (
        "sha256",
        "passwd",
        "salt",
        1,
        "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
        "a49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a1978",
    ),
    (
        "sha512",
        bytes.fromhex("7439315572766f47").decode(),
        bytes.fromhex("5d76db9ca0f0bae2"),
        4096,
        "a5d7f0fe4adc54e2ac5edc54e005827a90cbd46c00b72be68f8fbd1da98c079b"
        "98622a69b1ea44c0d94cdae03c339b742d047ac63cac0d9af59786baee4a158080",
    ),
    (
        "sha512",
        bytes.fromhex("7130577430643470").decode(),
        bytes.fromhex("798acc7c76739d75"),
        4096,
        "4935390897319c3efc15d19304109c79",
    ),
]

SCRYPT = [
    (
        "password",
        "NaCl",
        (10, 8, 16),
        "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640",
    ),
    (
        "pleaseletmein",
        "SodiumChloride",
        (14, 8, 1),
        "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887",
    ),
]


@pytest.mark.parametrize(("password", "stored"), BCRYPT + PHPASS + WORDPRESS + PBKDF2 + ARGON2)
def test_a_published_hash_takes_its_password_and_no_other(password: str, stored: str) -> None:
    known = parse(stored)
    assert matches(known, password)
    assert not matches(known, "x" + password)
    assert not matches(known, password[1:] or "x")


@pytest.mark.parametrize(("digest", "password", "salt", "iterations", "derived"), DERIVED)
def test_pbkdf2_of_the_standards(digest: str, password: str, salt: str | bytes, iterations: int, derived: str) -> None:
    raw = salt if isinstance(salt, bytes) else salt.encode()
    known = parse(pbkdf2_text(digest, iterations, raw, bytes.fromhex(derived)))
    assert matches(known, password)
    assert not matches(known, password + "x")


@pytest.mark.parametrize(("password", "salt", "cost", "derived"), SCRYPT)
def test_scrypt_of_the_standard(password: str, salt: str, cost: tuple[int, int, int], derived: str) -> None:
    log2_n, r, p = cost
    text = f"$scrypt$ln={log2_n},r={r},p={p}${encode(salt.encode())}${encode(bytes.fromhex(derived))}"
    assert matches(parse(text), password)
    assert not matches(parse(text), password + "x")


def test_bcrypt_reads_72_bytes_as_the_system_did_that_hashed() -> None:
    known = parse(BCRYPT[-1][1])
    assert matches(known, LONG[:72])
    assert not matches(known, LONG[:71])


def test_a_phpass_hash_past_the_bound_is_refused_though_it_is_genuine() -> None:
    with pytest.raises(BadInput) as refusal:  # Passlib's `compL3X!`: 131,072 rounds
        parse("$P$FiS0N5L672xzQx1rt1vgdJQRYKnQM9/")
    assert refusal.value.code == "import.hash_too_costly"


def test_the_first_block_of_a_longer_key_is_enough_and_is_needed() -> None:
    text = PBKDF2[1][1]
    assert len(base64.b64decode(text.rpartition("$")[2] + "==")) == 64
    broken = text.replace("$KVSv", "$XVSv")
    assert not matches(parse(broken), "password")
