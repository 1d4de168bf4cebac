"""People who type one password each in their own way, for tests: no model of anybody, only far enough apart."""

import json

import numpy as np

from authsvc.risk.keystroke.sample import TypingSample, parse_typings

PASSWORD_KEYS = 17


class Typist:
    """One person: usual holds and gaps per key, and some unsteadiness. The same seed is the same person."""

    def __init__(self, seed: int, *, keys: int = PASSWORD_KEYS) -> None:
        self._random = np.random.default_rng(seed)
        hold_ms, gap_ms = self._random.uniform(60, 160), self._random.uniform(110, 420)
        self._holds = hold_ms * np.exp(self._random.normal(0, 0.25, keys))
        self._gaps = gap_ms * np.exp(self._random.normal(0, 0.35, keys - 1))

    def events(self, *, unsteady: float = 0.08) -> list[list[float]]:
        """Return one typing as [[press_ms, release_ms], …], in the 0.1 ms of a browser's clock."""
        holds = self._holds * np.exp(self._random.laplace(0, unsteady, len(self._holds)))
        gaps = self._gaps * np.exp(self._random.laplace(0, unsteady, len(self._gaps)))
        presses = 1234.5 + np.concatenate([[0.0], np.cumsum(gaps)])
        return [
            [round(float(press), 1), round(float(press + hold), 1)] for press, hold in zip(presses, holds, strict=True)
        ]

    def text(self, *, kind: str = "keyboard") -> str:
        """Return what the page would send."""
        return as_text(self.events(), kind=kind)

    def sample(self, *, kind: str = "keyboard") -> TypingSample:
        return as_sample(self.events(), kind=kind)


def as_text(events: list[list[float]], *, kind: str = "keyboard") -> str:
    return json.dumps({"field": "password", "input": kind, "events": events, "pasted": False})


def as_sample(events: list[list[float]], *, kind: str = "keyboard") -> TypingSample:
    sample = parse_typings(as_text(events, kind=kind)).password
    assert sample is not None
    return sample
