"""docs/reference is complete and current: each error code, setting and audit tag of the source has its row.

A code is a string `room.what`: what core.errors classes are raised with, what tables map to them, and whatever else
of that shape, with a prefix known from those, is handed to a call. A failure prints the rows to paste.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from authsvc.core import errors
from authsvc.settings import Settings
from authsvc.web.problems import STATUSES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "reference"
SOURCE = ROOT / "authsvc"

ERROR_CLASSES = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.AuthsvcError)
}
CODE = re.compile(r"[a-z_]+\.[a-z0-9_*]+")
TAG = re.compile(r"[a-z_]+:[a-z_]+:[a-z_]+")
FILE_ENDINGS = ("html", "js", "css", "toml", "svg", "sqlite3", "json", "txt", "ini", "md")
# Calls whose strings look like codes and are not: log lines, references to columns, module names.
NO_CODES_IN = {"log", "logger", "ForeignKey", "getLogger", "get_logger", "files"}


@dataclass(frozen=True)
class Row:
    name: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    name: str
    where: str
    status: int | None = None


def rows(document: str) -> dict[str, Row]:
    """Return the rows of the document's tables, by the name in backticks that each begins with."""
    lines = (DOCS / document).read_text().splitlines()
    cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines if line.startswith("| `")]
    named = [Row(row[0].strip("`"), tuple(row[1:])) for row in cells]
    names = [row.name for row in named]
    assert len(names) == len(set(names)), f"{document} lists twice: {sorted({n for n in names if names.count(n) > 1})}"
    return {row.name: row for row in named}


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(SOURCE.rglob("*.py")):
        yield path, ast.parse(path.read_text())


def called(call: ast.Call) -> tuple[str, str]:
    """Return the called name and what stands before its dot: `log.info` is ("info", "log")."""
    function = call.func
    if isinstance(function, ast.Attribute):
        owner = function.value
        return function.attr, owner.id if isinstance(owner, ast.Name) else ""
    return (function.id, "") if isinstance(function, ast.Name) else ("", "")


def text_of(node: ast.expr) -> str | None:
    """Return a string literal, with `*` for what an f-string fills in; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values)
    return None


def error_codes() -> dict[str, Found]:
    found: dict[str, Found] = {}
    shaped: list[Found] = []
    for path, tree in sources():
        for node in ast.walk(tree):
            where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Call):
                name, owner = called(node)
                if name in ERROR_CLASSES and node.args and (code := text_of(node.args[0])):
                    found[code] = Found(code, where, status_of(name))
                # Risk has reason codes of the same shape, which are no errors.
                elif not {name, owner} & NO_CODES_IN and SOURCE / "risk" not in path.parents:
                    shaped += [Found(code, where) for code in arguments(node) if CODE.fullmatch(code)]
            elif isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if key is not None and (code := text_of(key)) and (kind := named_error(value)):
                        found[code] = Found(code, where, status_of(kind))
    prefixes = {code.partition(".")[0] for code in found} | {"request", "totp", "recovery_code"}
    for each in shaped:
        prefix, _, rest = each.name.partition(".")
        if prefix in prefixes and rest not in FILE_ENDINGS:
            found.setdefault(each.name, each)
    return found


def arguments(call: ast.Call) -> list[str]:
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    return [text for value in values if (text := text_of(value))]


def named_error(value: ast.expr) -> str | None:
    """Return the error class in a table's entry such as `(NotFound, "…")`."""
    names = [node.id for node in ast.walk(value) if isinstance(node, ast.Name)]
    return next((name for name in names if name in ERROR_CLASSES), None)


def status_of(error_class: str) -> int:
    return next(STATUSES[kind] for kind in ERROR_CLASSES[error_class].__mro__ if kind in STATUSES)


def audit_tags() -> dict[str, Found]:
    return {
        tag: Found(tag, f"{path.relative_to(ROOT)}:{node.lineno}")
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant | ast.JoinedStr)
        and (tag := text_of(node))
        and TAG.fullmatch(tag)
        and not tag.startswith("urn:")
    }


def variables(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str]]:
    """Return (variable, default, description) of each setting."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from variables(kind, f"{prefix}{name.upper()}__")
        else:
            yield f"{prefix}{name.upper()}", default_of(field), field.description or ""


def default_of(field: Any) -> str:
    if field.default_factory is not None:
        return "computed"
    if field.default is PydanticUndefined:
        return "required"
    if field.default is None or field.default in ("", ()):
        return "empty"
    value = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
    return f"`{value}`"


def test_every_error_code_is_documented() -> None:
    documented, found = rows("errors.md"), error_codes()
    missing = [f"| `{each.name}` | {each.status or '?'} |  |  |   <- {each.where}" for each in found.values()]
    missing = [line for line in missing if line.split("`")[1] not in documented]
    assert not missing, "docs/reference/errors.md lacks:\n" + "\n".join(sorted(missing))
    assert not (gone := set(documented) - set(found)), f"docs/reference/errors.md lists what is no more: {sorted(gone)}"


def test_every_documented_status_is_the_one_that_is_answered() -> None:
    documented = rows("errors.md")
    wrong = {
        each.name: (documented[each.name].cells[0], each.status)
        for each in error_codes().values()
        if each.status
        and each.name in documented
        and str(each.status) not in documented[each.name].cells[0].split(", ")
    }
    assert not wrong


def test_every_error_says_what_it_means_and_what_to_do() -> None:
    assert not [row.name for row in rows("errors.md").values() if len(row.cells) != 3 or not all(row.cells)]


def test_every_audit_tag_is_documented() -> None:
    documented, found = rows("events.md"), audit_tags()
    missing = sorted(
        f"| `{each.name}` |  |   <- {each.where}" for each in found.values() if each.name not in documented
    )
    assert not missing, "docs/reference/events.md lacks:\n" + "\n".join(missing)
    assert not (gone := set(documented) - set(found)), f"docs/reference/events.md lists what is no more: {sorted(gone)}"
    assert not [row.name for row in documented.values() if not all(row.cells)]


def test_every_setting_is_documented_with_its_default() -> None:
    documented = rows("settings.md")
    expected = {name: (default, description) for name, default, description in variables(Settings, "AUTHSVC_")}
    wrong = sorted(
        f"| `{name}` | {default} | {description} |"
        for name, (default, description) in expected.items()
        if name not in documented or documented[name].cells != (default, description)
    )
    assert not wrong, "docs/reference/settings.md should say:\n" + "\n".join(wrong)
    assert not (gone := set(documented) - set(expected)), f"docs/reference/settings.md lists what is no more: {gone}"


def test_every_setting_is_described() -> None:
    assert not [name for name, _, description in variables(Settings, "AUTHSVC_") if not description]


@pytest.mark.parametrize("document", ["errors.md", "events.md", "settings.md"])
def test_rows_are_sorted_within_their_table(document: str) -> None:
    tables: list[list[str]] = [[]]
    for line in (DOCS / document).read_text().splitlines():
        if line.startswith("| `"):
            tables[-1].append(line.split("`")[1])
        elif not line.startswith("|"):
            tables.append([])
    if document != "settings.md":  # those stand in the order of settings.py
        assert all(table == sorted(table) for table in tables)
