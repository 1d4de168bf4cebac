"""Every room's tables, so that `metadata` is complete: for migrations, and for whoever must see the whole schema.

The files named tables.py are searched for instead of being listed here: a room that is forgotten in a list would lose
its tables from the next generated migration, and nothing would say so.
"""

import importlib
from pathlib import Path

import authsvc
from authsvc.core.database import metadata

__all__ = ["TABLE_MODULES", "metadata"]

_package = Path(authsvc.__file__).parent

TABLE_MODULES = tuple(
    sorted(
        ".".join(("authsvc", *found.relative_to(_package).with_suffix("").parts))
        for found in _package.glob("*/**/tables.py")
    )
)

for _name in TABLE_MODULES:
    importlib.import_module(_name)
