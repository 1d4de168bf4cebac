"""`authsvc demo`: the whole thing on one machine, with one command.

SQLite, generated keys and a registered storefront in ./.demo; authsvc in this process, the example storefront beside it
on 127.0.0.1 (another *site* than localhost, so that cookies behave as in production). Every secret is made at the first
run and kept in .demo/secrets.json, readable by its owner only. Nothing has a default password.
"""

import base64
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import typer
import uvicorn

from authsvc.core.ids import new_bytes, new_secret
from authsvc.settings import DatabaseSettings, SecretSettings, Settings, WebhookSettings

FOLDER = Path(".demo")
READY_WITHIN_S = 60
STOREFRONT_NAME = "Low Tide Tea"


@dataclass(frozen=True)
class Places:
    """Where the demo's parts answer."""

    issuer: str
    storefront: str


def run(port: int, storefront_port: int) -> None:
    """Start everything, say what there is to try, and stop everything on Ctrl-C."""
    storefront_app = _storefront_folder()
    for wanted in (port, storefront_port):
        _refuse_taken(wanted)
    FOLDER.mkdir(exist_ok=True)
    FOLDER.chmod(0o700)
    secrets = _secrets()
    places = Places(f"http://localhost:{port}", f"http://127.0.0.1:{storefront_port}")
    settings = _settings(places, secrets)
    _write_environment(settings, secrets)

    from authsvc.app import build_app, build_services
    from authsvc.core.migrations import upgrade
    from authsvc.web.logging import configure_logging

    with (FOLDER / "authsvc.log").open("a", encoding="utf-8", buffering=1) as log:
        configure_logging(settings.log_level, stream=log)
        upgrade(settings.database.url)
        services = build_services(settings)
        client_id, client_secret = _register_storefront(services, places, secrets)
        server = uvicorn.Server(
            uvicorn.Config(
                build_app(settings, services, storefront_url=places.storefront),
                host="127.0.0.1",
                port=port,
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=5,
            )
        )
        storefront = _start_storefront(storefront_app, storefront_port, places, client_id, client_secret, secrets, log)
        try:
            threading.Thread(target=_greet, args=(services, places), daemon=True).start()
            server.run()
        except KeyboardInterrupt:
            pass  # uvicorn has stopped in good order and passes the signal on
        finally:
            storefront.terminate()
            storefront.wait(timeout=10)
            typer.echo("\nStopped. All but the mails is kept in ./.demo; delete that folder to begin anew.")


def _settings(places: Places, secrets: dict[str, str]) -> Settings:
    return Settings(
        issuer=places.issuer,
        service_name="authsvc demo",
        demo=True,
        database=DatabaseSettings(url=f"sqlite:///{FOLDER / 'authsvc.sqlite3'}"),
        webhooks=WebhookSettings(allow_private=True),
        secrets=SecretSettings.model_validate(
            {"master_keys": f"demo:{secrets['master_key']}", "audit_key": secrets["audit_key"]}
        ),
    )


def _secrets() -> dict[str, str]:
    path = FOLDER / "secrets.json"
    if path.exists():
        kept: dict[str, str] = json.loads(path.read_text())
        return kept
    made = {
        "master_key": base64.b64encode(new_bytes(32)).decode(),
        "audit_key": base64.b64encode(new_bytes(32)).decode(),
        "storefront_session_key": new_secret(),
    }
    _write_secrets(made)
    return made


def _write_secrets(secrets: dict[str, str]) -> None:
    _write_private(FOLDER / "secrets.json", json.dumps(secrets, indent=2))


def _write_environment(settings: Settings, secrets: dict[str, str]) -> None:
    """Write the demo's settings as variables, so that other commands can be run beside it."""
    variables = {
        "ISSUER": settings.issuer,
        "SERVICE_NAME": f"'{settings.service_name}'",
        "DEMO": "true",
        "DATABASE__URL": settings.database.url,
        "WEBHOOKS__ALLOW_PRIVATE": "true",
        "SECRETS__MASTER_KEYS": f"demo:{secrets['master_key']}",
        "SECRETS__AUDIT_KEY": secrets["audit_key"],
    }
    _write_private(FOLDER / "env", "".join(f"AUTHSVC_{name}={value}\n" for name, value in variables.items()))


def _write_private(path: Path, text: str) -> None:
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    fresh.replace(path)


def _register_storefront(services: "object", places: Places, secrets: dict[str, str]) -> tuple[str, str]:
    from authsvc.wiring.services import Services

    assert isinstance(services, Services)
    known = f"client:{places.storefront}"
    if known not in secrets:
        client, secret = services.clients.register_client(
            name=STOREFRONT_NAME,
            redirect_uris=[f"{places.storefront}/callback"],
            post_logout_redirect_uris=[f"{places.storefront}/"],
        )
        services.branding.set_brand(client.id, **_storefront_brand())
        secrets[known] = json.dumps([client.id, secret])
        _write_secrets(secrets)
    client_id, client_secret = json.loads(secrets[known])
    return client_id, client_secret


def _storefront_brand() -> dict[str, Any]:
    """Return the shop's look, from its own style sheet and picture."""
    return {
        "name": STOREFRONT_NAME,
        "logo": (_storefront_folder() / "static" / "leaf.png").read_bytes(),
        "accent": "#2c6349",
        "accent_dark": "#8fd0ae",
        "support": "hello@lowtide.example.com",
        "mail_footer": "Low Tide Tea, an example shop. Nothing can be bought.",
    }


def _start_storefront(
    folder: Path,
    port: int,
    places: Places,
    client_id: str,
    client_secret: str,
    secrets: dict[str, str],
    log: TextIO,
) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "STOREFRONT_ISSUER": places.issuer,
        "STOREFRONT_URL": places.storefront,
        "STOREFRONT_CLIENT_ID": client_id,
        "STOREFRONT_CLIENT_SECRET": client_secret,
        "STOREFRONT_SESSION_KEY": secrets["storefront_session_key"],
    }
    command = [sys.executable, "-m", "uvicorn", "app:app", "--host", "127.0.0.1", "--port", str(port)]
    return subprocess.Popen(
        [*command, "--log-level", "warning"],
        cwd=folder,
        env=environment,
        stdout=log,
        stderr=log,
    )


def _greet(services: "object", places: Places) -> None:
    from authsvc.wiring.services import Services

    assert isinstance(services, Services)
    for address in (f"{places.issuer}/health/ready", f"{places.storefront}/"):
        if not _answers(address):
            typer.echo(f"{address} does not answer; see .demo/authsvc.log", err=True)
            return
    lines = [
        "",
        f"  The shop       {places.storefront}",
        f"  authsvc        {places.issuer}",
        f"  The mailbox    {places.issuer}/demo/mailbox   (every mail that authsvc sends lands here)",
        f"  The console    {places.issuer}/console",
        "",
    ]
    if not services.has_staff():
        lines += [
            "  No analyst is enrolled yet. This link does it once, and is good for a day:",
            f"    {services.staff.invite('analyst')}",
            "",
        ]
    lines += [
        "  Try: open the shop and press “Create account”. The code is in the mailbox; make a passkey, or choose",
        "  a password. Sign out and in again. Then sign in from a private window, and look at the console.",
        "",
        "  Ctrl-C stops everything.",
        "",
    ]
    typer.echo("\n".join(lines))


def _answers(address: str) -> bool:
    ends = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < ends:
        try:
            with urllib.request.urlopen(address, timeout=2) as response:  # noqa: S310  # our own loopback addresses
                return bool(response.status == 200)
        except OSError:
            time.sleep(0.1)
    return False


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            command = f"{sys.argv[0]} demo --port 8200 --storefront-port 8201"
            typer.echo(f"Port {port} is taken. Stop what uses it, or choose others: {command}", err=True)
            sys.exit(2)


def _storefront_folder() -> Path:
    folder = Path(__file__).parents[2] / "examples" / "storefront"
    if not (folder / "app.py").is_file():
        typer.echo("The demo runs from a checkout: it starts examples/storefront.", err=True)
        sys.exit(2)
    return folder
