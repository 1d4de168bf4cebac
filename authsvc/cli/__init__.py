"""The `authsvc` command: serve, demo, migrate, user, client, key, audit, bench."""

from authsvc.cli.main import main

__all__ = ["main"]
