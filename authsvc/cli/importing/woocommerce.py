"""A customer of WooCommerce, which keeps them as WordPress users: rows of `wp user list`, one a line. Pure.

WordPress never verifies an address, so none of these rows has one; the guide says what to do about it. Its forms trim
a password and put a backslash before quotes and backslashes before hashing it; `wordpress` before the hash says so.
"""

from authsvc.cli.importing.row import Fields, Row, identifier, text
from authsvc.factors.password.legacy.formats import WORDPRESS


def read(fields: Fields) -> Row:
    """Read one user. Raises BadInput `import.row_malformed`."""
    stored = text(fields, "user_pass", "")
    return Row(
        email=text(fields, "user_email", ""),
        email_verified=False,
        password_hash=WORDPRESS + stored if stored else "",
        name=text(fields, "display_name", "") or text(fields, "user_login", ""),
        source_id=identifier(fields, "ID"),
    )
