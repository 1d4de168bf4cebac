"""A user of a Keycloak realm export, as `jq -c '.users[]'` cuts it out. Pure.

A credential is two texts of JSON: `credentialData` says how (algorithm, hashIterations), `secretData` holds salt and
value in base64. PBKDF2 keys have 64 bytes whatever the digest. Argon2's further parameters are lists of one text each.
"""

from authsvc.cli.importing.row import Fields, Row, decoded, flag, identifier, malformed, nested, number, text
from authsvc.core.errors import BadInput
from authsvc.factors.password.legacy.formats import argon2_text, pbkdf2_text

PBKDF2_DIGESTS = {"pbkdf2": "sha1", "pbkdf2-sha256": "sha256", "pbkdf2-sha512": "sha512"}
ARGON2_VERSIONS = {"1.0": 16, "1.3": 19}
DIGITS = 10


def read(fields: Fields) -> Row:
    """Read one user. Raises BadInput `import.row_malformed`, or as formats.parse does."""
    given, family = text(fields, "firstName", ""), text(fields, "lastName", "")
    return Row(
        email=text(fields, "email", ""),
        email_verified=flag(fields, "emailVerified", default=False),
        password_hash=_hash(fields),
        name=f"{given} {family}",
        frozen=not flag(fields, "enabled", default=True),
        source_id=identifier(fields, "id"),
    )


def _hash(fields: Fields) -> str:
    credentials = fields.get("credentials") or []
    if not isinstance(credentials, list) or not all(isinstance(each, dict) for each in credentials):
        raise malformed("credentials")
    password = next((each for each in credentials if each.get("type") == "password"), None)
    if password is None:
        return ""
    how, secret = nested(password, "credentialData"), nested(password, "secretData")
    algorithm = text(how, "algorithm")
    salt, value, iterations = decoded(secret, "salt"), decoded(secret, "value"), number(how, "hashIterations")
    if algorithm in PBKDF2_DIGESTS:
        return pbkdf2_text(PBKDF2_DIGESTS[algorithm], iterations, salt, value)
    if algorithm == "argon2":
        more = nested(how, "additionalParameters")
        return argon2_text(
            _only(more, "type"),
            ARGON2_VERSIONS.get(_only(more, "version"), 0),
            _count(more, "memory"),
            iterations,
            _count(more, "parallelism"),
            salt,
            value,
        )
    raise BadInput("import.hash_unsupported", "This password hash is of no format that can be checked here.")


def _only(fields: Fields, name: str) -> str:
    values = fields.get(name)
    if not isinstance(values, list) or len(values) != 1 or not isinstance(values[0], str):
        raise malformed(name)
    return values[0]


def _count(fields: Fields, name: str) -> int:
    value = _only(fields, name)
    if not (value.isascii() and value.isdigit() and len(value) <= DIGITS):
        raise malformed(name)
    return int(value)
