"""A user of Auth0: a line of the password hash export, or of the user export joined with it. Pure.

Auth0's own hashes are bcrypt (`passwordHash`). A user that was once imported there may carry `password_hash` instead.
The id is `_id.$oid` in the hash export and `user_id` in the user export; the `sub` of tokens is the latter.
"""

from authsvc.cli.importing.row import Fields, Row, flag, identifier, nested, text

CONNECTION = "auth0|"


def read(fields: Fields) -> Row:
    """Read one user. Raises BadInput `import.row_malformed`."""
    return Row(
        email=text(fields, "email", ""),
        email_verified=flag(fields, "email_verified", default=False),
        password_hash=text(fields, "passwordHash", "") or text(fields, "password_hash", ""),
        name=text(fields, "name", "") or text(fields, "nickname", ""),
        frozen=flag(fields, "blocked", default=False),
        source_id=_source_id(fields),
    )


def _source_id(fields: Fields) -> str | None:
    if (user_id := identifier(fields, "user_id")) is not None:
        return user_id
    oid = identifier(nested(fields, "_id"), "$oid")
    return None if oid is None else CONNECTION + oid
