"""One spelling for each address, and hints that tell little."""

import pytest

from authsvc.accounts.addresses import hint, normalise
from authsvc.core.errors import BadInput


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("  Ada@Example.ORG ", "ada@example.org"),
        ("a+shop@example.org", "a+shop@example.org"),
        ("bücher@bücher.example.com", "bücher@bücher.example.com"),
    ],
)
def test_normalise(typed: str, stored: str) -> None:
    assert normalise(typed) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ada",
        "ada@",
        "@example.org",
        "a b@example.org",
        "ada@example",
        "ada@[127.0.0.1]",
        "x" * 300 + "@example.org",
        "ada@example.org\r\nBcc: x@example.org",
    ],
)
def test_refuse(typed: str) -> None:
    with pytest.raises(BadInput) as refusal:
        normalise(typed)
    assert refusal.value.code == "account.address_invalid"


def test_hint() -> None:
    assert hint("ada@example.org") == "a•••@example.org"
