"""Which rules of the edge hold for which paths.

A prefix covers itself and what lies below it, never `/loginx`. Pure.
"""

from collections.abc import Iterable

# Where a flow's browser must be known: everything that reads __Host-flow or shows a form.
BROWSER_PATHS = ("/login", "/account", "/console", "/enrol", "/not-me", "/oauth2/authorize", "/oauth2/logout")

# What no cache may keep, whatever the endpoint says (security.md, "Cookies, pages").
UNCACHED_PATHS = ("/login", "/account", "/oauth2", "/console", "/enrol", "/not-me", "/v1", "/demo")

# Public keys are made to be cached.
CACHEABLE_PATHS = ("/oauth2/jwks",)

# Machines talk here: problems are JSON, whatever Accept says.
MACHINE_PATHS = ("/v1", "/oauth2", "/.well-known", "/health")

# The two OAuth endpoints that people's browsers visit.
PEOPLE_PATHS = ("/oauth2/authorize", "/oauth2/logout")

HEALTH_PATHS = ("/health",)


def covers(prefixes: Iterable[str], path: str) -> bool:
    """Return whether one of the prefixes is the path or a parent of it."""
    return any(path == prefix or path.startswith(prefix + "/") for prefix in prefixes)
