"""Style sheets, scripts and images under /static.

`url("page.js")` is `/static/v-HASH/page.js`, HASH being over every file's path and content. What a script
imports by a relative path then has the same HASH, so no page mixes two versions and everything may be cached for ever.
Without the HASH, or with that of another version, the file is served to be asked for again each time.

Limits: the files are read once, at start; after a change authsvc is started again.
"""

import hashlib
import re
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

DIRECTORY = Path(__file__).parent / "static"
FOREVER = "public, max-age=31536000, immutable"  # a year: RFC 8246, and what RFC 9111 calls for ever
ASK_AGAIN = "no-cache"

_VERSION = re.compile(r"v-[0-9a-f]{16}", re.ASCII)


class StaticAssets(StaticFiles):
    """Serves one directory and knows its files' addresses."""

    def __init__(self, directory: Path = DIRECTORY, *, mounted_at: str = "/static") -> None:
        super().__init__(directory=directory)
        contents = {
            path.relative_to(directory).as_posix(): path.read_bytes()
            for path in sorted(directory.rglob("*"))
            if path.is_file()
        }
        self._paths = frozenset(contents)
        self._version = "v-" + _hash_tree(contents)
        self._mounted_at = mounted_at

    def url(self, path: str) -> str:
        """Return the address of a file, for templates.

        Raises:
            LookupError: there is no such file, so the page would be broken.
        """
        if path not in self._paths:
            raise LookupError(f"no static file {path}")
        return f"{self._mounted_at}/{self._version}/{path}"

    async def get_response(self, path: str, scope: Scope) -> Response:
        version, _, rest = path.partition("/")
        versioned = _VERSION.fullmatch(version) is not None
        response = await super().get_response(rest if versioned else path, scope)
        response.headers["cache-control"] = FOREVER if version == self._version else ASK_AGAIN
        return response


def _hash_tree(contents: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for path, content in sorted(contents.items()):
        digest.update(hashlib.sha256(path.encode()).digest() + hashlib.sha256(content).digest())
    return digest.hexdigest()[:16]
