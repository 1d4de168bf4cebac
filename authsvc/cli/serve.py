"""`authsvc serve`: uvicorn with the settings that web/ relies on."""

import sys

import typer
import uvicorn

from authsvc.core.migrations import is_behind
from authsvc.settings import load_settings
from authsvc.web.logging import configure_logging

STOP_WITHIN_S = 20  # longer than an upload in hand usually takes; uvicorn alone would wait for ever for a slow sender


def run(host: str, port: int, workers: int) -> None:
    """Serve until stopped. SQLite takes one serving process: its writers would wait for one another's files."""
    settings = load_settings()
    if workers > 1 and settings.database.url.startswith("sqlite"):
        typer.echo(
            "SQLite serves from one process: limits, lanes and the audit sealer live in it. "
            "Use --workers 1, or set AUTHSVC_DATABASE__URL to PostgreSQL.",
            err=True,
        )
        sys.exit(2)
    if workers > 1 and settings.redis.url is None:
        typer.echo("Several processes share their rate limits in Redis: set AUTHSVC_REDIS__URL.", err=True)
        sys.exit(2)
    if is_behind(settings.database.url):
        typer.echo("The database is not at the newest schema. Run `authsvc migrate` first.", err=True)
        sys.exit(2)
    configure_logging(settings.log_level)
    uvicorn.run(
        "authsvc.app:create_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_config=None,
        access_log=False,
        proxy_headers=False,  # web/origin.py reads them, and knows whom to believe
        server_header=False,
        timeout_graceful_shutdown=STOP_WITHIN_S,
    )
