"""Valid settings for tests: demo mode on localhost, keys made anew, argon2 at its cheapest."""

import base64
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from authsvc.core.ids import new_bytes
from authsvc.core.sealing.cipher import KEY_BYTES
from authsvc.settings import Settings

# The face network is built once for all tests, not once for each test's database.
MODELS = Path(tempfile.gettempdir()) / "authsvc-test-models"


def new_key() -> str:
    return base64.b64encode(new_bytes(KEY_BYTES)).decode()


def make_settings(database_url: str, **overrides: Any) -> Settings:
    """Return settings; an override that is a mapping changes only those fields of its group."""
    values: dict[str, Any] = {
        "issuer": "http://localhost:8000",
        "demo": True,
        "database": {"url": database_url},
        "secrets": {"master_keys": f"k1:{new_key()}", "audit_key": new_key()},
        "password": {"memory_kib": 64, "time_cost": 1},
        "face": {"model_folder": MODELS},
    }
    for name, value in overrides.items():
        values[name] = values.get(name, {}) | dict(value) if isinstance(value, Mapping) else value
    return Settings(**values)
