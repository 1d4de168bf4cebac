"""Read a policy: the operator's TOML file, or the one that ships in the package.

A file that can't be used is refused as a whole, with its name, the key and the reason; nothing is guessed.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, NoReturn

from authsvc.accounts.levels import Level
from authsvc.risk.policy import AfterReset, Policy
from authsvc.risk.signals import CODES
from authsvc.settings import SettingsProblem

FARTHEST_PRIOR = 20.0  # 1 in 500 million either way; beyond it no evidence counts


class PolicyRefused(SettingsProblem):
    """The policy can't be used; the message names the file, the key and the reason."""


def load_policy(path: Path | None) -> Policy:
    """Return the policy in `path`; without one, the default.

    Raises:
        PolicyRefused: see the class.
    """
    if path is None:
        text = (files("authsvc.risk") / "policies" / "default.toml").read_text(encoding="utf-8")
        return parse_policy(text, source="default.toml")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise PolicyRefused(f"{path}: can't be read: {problem}") from None
    return parse_policy(text, source=str(path))


def parse_policy(text: str, *, source: str) -> Policy:
    """Return the policy in a TOML text; `source` names the file in messages.

    Raises:
        PolicyRefused: it is not TOML, a key is missing or unknown, or a value makes no sense.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise PolicyRefused(f"{source}: not TOML: {problem}") from None
    read = _Reader(source)
    read.only(values, {"name", "prior_log_odds", "thresholds", "step_up"}, "")
    thresholds = read.table(values, "thresholds", {"step_up_at", "deny_at"})
    step_up = read.table(values, "step_up", {"requires", "passkey_satisfies_step_up", "always_on", "after_reset"})
    prior = read.number(values, "prior_log_odds", "prior_log_odds", -FARTHEST_PRIOR, FARTHEST_PRIOR)
    step_up_at = read.number(thresholds, "step_up_at", "thresholds.step_up_at", 0.0, 1.0)
    deny_at = read.number(thresholds, "deny_at", "thresholds.deny_at", 0.0, 1.0)
    if not step_up_at < deny_at:
        read.refuse("thresholds.deny_at", "must lie above thresholds.step_up_at")
    return Policy(
        name=read.text(values, "name", "name"),
        prior_log_odds=prior,
        step_up_at=step_up_at,
        deny_at=deny_at,
        requires=read.level(step_up, "requires", "step_up.requires"),
        passkey_satisfies_step_up=read.flag(step_up, "passkey_satisfies_step_up", "step_up.passkey_satisfies_step_up"),
        always_on=read.codes(step_up, "always_on", "step_up.always_on"),
        after_reset=read.after_reset(step_up, "after_reset", "step_up.after_reset"),
    )


@dataclass(frozen=True)
class _Reader:
    """Reads typed values out of decoded TOML and names the key when one is wrong."""

    source: str

    def refuse(self, key: str, why: str) -> NoReturn:
        raise PolicyRefused(f"{self.source}: {key}: {why}")

    def only(self, values: Mapping[str, Any], names: set[str], within: str) -> None:
        for key in values:
            if key not in names:
                self.refuse(within + key, f"unknown; known are {', '.join(sorted(names))}")

    def table(self, values: Mapping[str, Any], key: str, names: set[str]) -> Mapping[str, Any]:
        found = self._get(values, key, key)
        if not isinstance(found, dict):
            self.refuse(key, "must be a table")
        self.only(found, names, f"{key}.")
        return found

    def text(self, values: Mapping[str, Any], key: str, path: str) -> str:
        found = self._get(values, key, path)
        if not isinstance(found, str) or not 0 < len(found) <= 80:
            self.refuse(path, "must be a text of 1 to 80 characters")
        return found

    def number(self, values: Mapping[str, Any], key: str, path: str, least: float, most: float) -> float:
        found = self._get(values, key, path)
        if isinstance(found, bool) or not isinstance(found, int | float) or not least <= found <= most:
            self.refuse(path, f"must be a number from {least:g} to {most:g}")
        return float(found)

    def flag(self, values: Mapping[str, Any], key: str, path: str) -> bool:
        found = self._get(values, key, path)
        if not isinstance(found, bool):
            self.refuse(path, "must be true or false")
        return found

    def level(self, values: Mapping[str, Any], key: str, path: str) -> Level:
        found = self._get(values, key, path)
        names = [level.name.lower() for level in Level if level > Level.PWD]
        if found not in names:
            self.refuse(path, f"must be one of {', '.join(names)}")
        return Level[str(found).upper()]

    def after_reset(self, values: Mapping[str, Any], key: str, path: str) -> AfterReset:
        found = self._get(values, key, path)
        if found == "deny":
            return "deny"
        if found != "lowest_level":
            self.refuse(path, "must be lowest_level or deny")
        return "lowest_level"

    def codes(self, values: Mapping[str, Any], key: str, path: str) -> frozenset[str]:
        found = self._get(values, key, path)
        if not isinstance(found, list):
            self.refuse(path, "must be a list of reason codes")
        for code in found:
            if not isinstance(code, str) or code not in CODES:
                self.refuse(path, f"{code!r} is no reason code; known are {', '.join(sorted(CODES))}")
        return frozenset(found)

    def _get(self, values: Mapping[str, Any], key: str, path: str) -> Any:
        if key not in values:
            self.refuse(path, "is missing")
        return values[key]
