"""Our own format, one customer a line (docs/guides/import.md). Pure.

    {"email": "ada@example.org", "email_verified": true, "password_hash": "$2b$10$…"}

and, if wanted, "name", "id" (what the other system called them) and "frozen" (true: may not sign in). A field that is
not one of these is refused: it may be a misspelt one.
"""

from authsvc.cli.importing.row import Fields, Row, flag, identifier, malformed, text

KNOWN = frozenset({"email", "email_verified", "password_hash", "name", "id", "frozen"})


def read(fields: Fields) -> Row:
    """Read one customer. Raises BadInput `import.row_malformed`."""
    if unknown := sorted(set(fields) - KNOWN):
        raise malformed(unknown[0][:40])
    return Row(
        email=text(fields, "email"),
        email_verified=flag(fields, "email_verified", default=False),
        password_hash=text(fields, "password_hash", ""),
        name=text(fields, "name", ""),
        frozen=flag(fields, "frozen", default=False),
        source_id=identifier(fields, "id"),
    )
