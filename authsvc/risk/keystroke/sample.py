"""Read the timings that a browser recorded while fields were typed into. Pure.

    {"field": "password", "input": "keyboard", "events": [[0, 92.1], [140.3, 221.0], …], "pasted": false}

or a list of these, at most one for each field: the password, and the e-mail address, which says less.

An event is one key: when it went down and when it came up, in milliseconds on the page's own clock, in the order of the
presses. Which key it was is never sent, and anything beside these four names is refused.

Two ways to be unusable are told apart:
- *malformed* (not JSON, NaN, a negative or unordered time, too many keys, too long): no page of ours sends that, so
  it is a bad request, `typing.malformed`;
- *missing* (nothing sent, pasted, filled in by a password manager, dictated, fewer than MIN_KEYS keys): honest people
  do that every day. It is no evidence in either direction.
"""

import json
import math
from dataclasses import dataclass
from dataclasses import field as attribute
from enum import StrEnum
from typing import Any, NoReturn

from authsvc.core.errors import BadInput

MAX_KEYS = 256  # twice the longest password, for those who correct it
MAX_DURATION_MS = 120_000.0
MAX_OFFSET_MS = 7 * 86_400_000.0  # a page left open for a week; beyond it the clock is broken
MAX_TEXT = 32_768  # two fields' worth of 256 events of two numbers as a browser writes them, and more
MIN_KEYS = 4  # fewer say nothing about a rhythm

US_PER_MS = 1000


class TypedField(StrEnum):
    PASSWORD = "password"
    EMAIL = "email"


class InputKind(StrEnum):
    KEYBOARD = "keyboard"
    TOUCH = "touch"


@dataclass(frozen=True)
class TypingSample:
    """One typing of one field. `events` are (press, release) in microseconds since the first press."""

    field: TypedField
    input_kind: InputKind
    events: tuple[tuple[int, int], ...] = attribute(repr=False)  # never in a log line
    pasted: bool = False

    def to_value(self) -> dict[str, Any]:
        """Return the JSON value that sample_from reads."""
        events = [[press / US_PER_MS, release / US_PER_MS] for press, release in self.events]
        return {"field": self.field.value, "input": self.input_kind.value, "events": events, "pasted": self.pasted}

    @property
    def usable(self) -> bool:
        """Whether there is a rhythm to look at."""
        return not self.pasted and len(self.events) >= MIN_KEYS


@dataclass(frozen=True)
class Typings:
    """What one page recorded of both fields."""

    password: TypingSample | None = None
    email: TypingSample | None = None

    def to_json(self) -> str:
        """Return what parse_typings reads: for samples that must wait, sealed, until their sign-in is complete."""
        return json.dumps([each.to_value() for each in self.usable])

    @property
    def usable(self) -> tuple[TypingSample, ...]:
        """Those with a rhythm to look at."""
        return tuple(each for each in (self.password, self.email) if each is not None and each.usable)


NOTHING_TYPED = Typings()


def parse_typings(text: str | None) -> Typings:
    """Return the samples in what the browser sent.

    Raises:
        BadInput: `typing.malformed`, see the module.
    """
    if text is None or not text.strip():
        return NOTHING_TYPED
    if len(text) > MAX_TEXT:
        _refuse("it is too long")
    try:
        value = json.loads(text, parse_constant=lambda name: _refuse(f"{name} is not a time"))
    except (ValueError, RecursionError) as problem:
        raise BadInput("typing.malformed", "The typing record can't be used: it is not JSON.") from problem
    samples = [sample_from(each) for each in (value if isinstance(value, list) else [value])]
    by_field = {each.field: each for each in samples}
    if len(by_field) != len(samples):
        _refuse("a field comes twice")
    return Typings(by_field.get(TypedField.PASSWORD), by_field.get(TypedField.EMAIL))


def sample_from(value: Any) -> TypingSample:
    """Return the sample in a decoded JSON value.

    Raises:
        BadInput: `typing.malformed`, see the module.
    """
    if not isinstance(value, dict):
        _refuse("it is not an object")
    if unknown := set(value) - {"field", "input", "events", "pasted"}:
        _refuse(f"{len(unknown)} of its names are unknown")
    try:
        where, how = TypedField(str(value.get("field"))), InputKind(str(value.get("input")))
    except ValueError:
        _refuse("the field or the kind of input is unknown")
    pasted = value.get("pasted", False)
    if not isinstance(pasted, bool):
        _refuse("pasted is not true or false")
    return TypingSample(where, how, _events(value.get("events")), pasted)


def _events(value: Any) -> tuple[tuple[int, int], ...]:
    if not isinstance(value, list) or len(value) > MAX_KEYS:
        _refuse(f"events is not a list of at most {MAX_KEYS} keys")
    times: list[tuple[float, float]] = []
    for event in value:
        if not isinstance(event, list) or len(event) != 2:
            _refuse("an event is not a press and a release")
        press, release = (_offset_ms(part) for part in event)
        if release < press or (times and press < times[-1][0]):
            _refuse("the times are out of order")
        times.append((press, release))
    if not times:
        return ()
    start = times[0][0]
    if max(release for _, release in times) - start > MAX_DURATION_MS:
        _refuse("it lasts too long")
    return tuple((_us(press - start), _us(release - start)) for press, release in times)


def _offset_ms(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse("a time is not a number")
    if not (0 <= value <= MAX_OFFSET_MS) or not math.isfinite(value):
        _refuse("a time is negative or out of range")
    return float(value)


def _us(offset_ms: float) -> int:
    return round(offset_ms * US_PER_MS)


def _refuse(why: str) -> NoReturn:
    raise BadInput("typing.malformed", f"The typing record can't be used: {why}.")
