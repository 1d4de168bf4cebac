"""Bring a database to the newest schema, with Alembic but without an alembic.ini.

The scripts lie in `migrations/` of a checkout, and in `authsvc/migrations/` of an installed package. A new one is
begun with Alembic's own command, on a database that is at the newest schema:

    python -c 'from alembic import command; from authsvc.core.migrations import config;
               command.revision(config("sqlite:///at-head.sqlite3"), "what it does", autogenerate=True)'
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import authsvc
from authsvc.core.database import Database

URL_ATTRIBUTE = "authsvc_database_url"


def upgrade(database_url: str, revision: str = "head") -> None:
    """Run every migration up to `revision`: all of them in one transaction, or none.

    Safe to run on many machines at once: they wait for one another, and the later ones find nothing to do.
    """
    command.upgrade(config(database_url), revision)


def is_behind(database_url: str) -> bool:
    """Return whether there are migrations that this database has not had.

    One that is further than we know was brought there by a newer release, whose schema this one must run with.
    """
    scripts = ScriptDirectory(str(scripts_folder()))
    database = Database(database_url, pool_size=1)
    try:
        with database.read() as connection:
            revision = MigrationContext.configure(connection).get_current_revision()
    finally:
        database.dispose()
    known = {script.revision for script in scripts.walk_revisions()}
    return revision is None or (revision in known and revision != scripts.get_current_head())


def config(database_url: str) -> Config:
    """Return what Alembic's commands need: where the scripts are, and the database."""
    settings = Config()
    settings.set_main_option("script_location", str(scripts_folder()).replace("%", "%%"))
    # Not as an option: those are interpolated, and a password may hold a percent sign.
    settings.attributes[URL_ATTRIBUTE] = database_url
    return settings


def scripts_folder() -> Path:
    """Return the folder with env.py, of the installed package or of the checkout.

    Raises:
        FileNotFoundError: neither is there.
    """
    package = Path(authsvc.__file__).parent
    for folder in (package / "migrations", package.parent / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise FileNotFoundError("authsvc's migrations are not installed")
