"""A replay's report as a table for people. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

_WORDS = {
    "equal": "came out equal, bit for bit",
    "mismatch": "DID NOT come out equal",
    "other_model": "were scored by another version of the signals",
    "unknown_policy": "were decided by a policy that is not kept",
    "unreadable": "can't be read: altered, or of an unknown version",
    "erased": "are of people who were erased",
    "failed_closed": "were made without scoring, because the engine had failed",
}
_HEAD = f"{'':<34}{'decisions':>11}{'allow':>18}{'step up':>18}{'deny':>18}"


def table(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines. A cell is how many before, and how many more or fewer with the new policy."""
    yield f"{report['decisions']} decisions, of which"
    for verdict, count in report["recomputed"].items():
        if count or verdict in ("equal", "mismatch"):
            yield f"  {count:>9} {_WORDS[verdict]}"
    yield from (f"            {each}" for each in report["mismatches"])
    yield ""
    yield _HEAD
    yield _line("all that could be read", report["all"])
    for name, values in report["by"].items():
        yield f"by {name}"
        for value, moves in values.items():
            yield _line(f"  {value}", moves)
    yield ""
    for change, count in sorted(report["all"]["changed"].items(), key=lambda each: -each[1]):
        yield f"  {count:>9} {change}"


def _line(name: str, moves: Mapping[str, Any]) -> str:
    cells = [f"{moves['before'][each]} {moves['after'][each] - moves['before'][each]:+d}" for each in moves["before"]]
    return f"{name[:33]:<34}{moves['decisions']:>11}" + "".join(f"{cell:>18}" for cell in cells)
