"""`authsvc user import`, `imported` and `tariff`: customers of another system. The options are in user.py.

    authsvc user import FILE [--map keycloak|auth0|woocommerce] [--trust-addresses] [--dry-run] [--report FILE]
    authsvc user imported                        which account was who there, one JSON object a line
    authsvc user tariff                          charge for the imported hashes that are left, and show them

Exit codes of an import: 0 every row was taken or there already; 1 some rows were refused (their lines and reasons are
printed, the first of them, and written to --report, all of them); 2 it can't run; 130 stopped with Ctrl-C. Run again,
it goes on where it stopped.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

import typer

from authsvc.accounts.importing.store import Import, list_imported, sum_progress
from authsvc.cli.importing import auth0, keycloak, plain, woocommerce
from authsvc.cli.importing.row import Map
from authsvc.cli.importing.service import Importer, Refusal, Step
from authsvc.core.audit.service import Audit
from authsvc.core.clock import SystemClock
from authsvc.core.database import Database
from authsvc.core.errors import BadInput, Conflict
from authsvc.core.sealing.service import Vault
from authsvc.factors.password.argon2_hasher import Hasher
from authsvc.factors.password.legacy.formats import Kind, parse
from authsvc.factors.password.legacy.store import list_hashes, replace_tariff
from authsvc.settings import load_settings

EXIT_REFUSED = 1
EXIT_STOPPED = 130
SHOWN = 20  # refused rows on the terminal; the rest is counted by reason
SAY_EVERY_S = 10.0
BAR_WIDTH = 30


MAPS: Mapping[str, Map] = {
    "plain": plain.read,
    "keycloak": keycloak.read,
    "auth0": auth0.read,
    "woocommerce": woocommerce.read,
}


@dataclass(frozen=True)
class Options:
    """What the command was given."""

    file: Path
    source: str
    trust_addresses: bool
    dry_run: bool
    report: Path | None
    again: bool


def run_import(options: Options) -> int:
    """Import a file; return the exit code."""
    settings = load_settings()
    database = Database(settings.database.url, pool_size=1)
    audit = Audit(Vault(settings.build_keyring()))
    read = MAPS[options.source]
    importer = Importer(database, audit, SystemClock(), options.source, read, options.trust_addresses)
    size = options.file.stat().st_size
    progress = _Progress(size)
    try:
        with options.file.open("rb") as file:
            run = _rehearse if options.dry_run else _run
            ended = run(importer, file, size, progress, options)
    except KeyboardInterrupt:
        typer.echo("\nStopped between two batches. The same command goes on from there.", err=True)
        return EXIT_STOPPED
    finally:
        database.dispose()
    progress.sum_up(ended, dry_run=options.dry_run)
    return EXIT_REFUSED if ended.refused else 0


def print_imported() -> None:
    """Print which account was who in the system that it came from: one JSON object a line."""
    database = Database(load_settings().database.url, pool_size=1)
    with database.read() as connection:
        for each in list_imported(connection):
            typer.echo(json.dumps({"sub": each.account_id, "id": each.source_id, "import": each.import_id}))
    database.dispose()


def renew_tariff() -> None:
    """Count the hashes that wait for their owners, and charge password checks for these only.

    Raises:
        Conflict: `import.overtaken`: an import went on meanwhile, so that the count is not true any more.
    """
    settings = load_settings()
    database, hasher = Database(settings.database.url, pool_size=1), Hasher(settings.password)
    left: Counter[Kind] = Counter()
    costs: Counter[Kind] = Counter()
    with database.read() as connection:
        before = sum_progress(connection)
        for stored in filter(hasher.outdated, list_hashes(connection)):
            with suppress(BadInput):  # our own, of parameters that no import may have
                work = parse(stored).work
                left[work.kind] += 1
                costs[work.kind] = max(costs[work.kind], work.units)
    now = SystemClock().now()
    with database.write() as connection:
        if sum_progress(connection) != before:
            raise Conflict("import.overtaken", "An import is at work. Please try again when it has ended.")
        replace_tariff(connection, costs, now)
        facts = {kind.value: units for kind, units in sorted(costs.items())}
        Audit(Vault(settings.build_keyring())).record(connection, "cli:tariff:renewed", now=now, facts=facts)
    database.dispose()
    for kind in sorted(left):
        typer.echo(f"{kind}: {left[kind]} hashes wait for their owners; every password check pays {costs[kind]} units.")
    if not left:
        typer.echo("No imported hash is left. A password check costs one argon2id again.")


def _run(importer: Importer, file: BufferedReader, size: int, progress: "_Progress", options: Options) -> Import:
    standing = importer.begin(file, size, again=options.again)
    if standing.finished_at is not None:
        typer.echo(f"This file was imported at {standing.finished_at:%Y-%m-%d %H:%M} UTC. Nothing to do.", err=True)
        return standing
    if standing.place:
        typer.echo(f"Going on after line {standing.line}.", err=True)
    report = _Report(options.report, standing.line)
    for step in importer.run(file, standing, report):
        progress.step(step)
        standing = step.reached
    return standing


def _rehearse(importer: Importer, file: BufferedReader, size: int, progress: "_Progress", options: Options) -> Import:
    reached = None
    costs: Counter[Kind] = Counter()
    report = _Report(options.report, 0)
    for step in importer.rehearse(file, size, costs):
        report(step.refusals)
        progress.step(step)
        reached = step.reached
    if costs:
        units = ", ".join(f"{kind} {units}" for kind, units in sorted(costs.items()))
        typer.echo(f"Until they are used, every password check would also pay: {units}.", err=True)
    return reached or Import("", b"", options.source, options.trust_addresses, size, importer.clock.now())


class _Report:
    """Writes refused rows to a file. What an earlier run wrote and did not commit is dropped first."""

    def __init__(self, path: Path | None, line: int) -> None:
        self._path = path
        if path is not None:
            kept = path.read_text().splitlines(keepends=True) if line and path.exists() else []
            path.write_text("".join(each for each in kept if json.loads(each)["line"] <= line))

    def __call__(self, refusals: Iterable[Refusal]) -> None:
        if self._path is None:
            return
        with self._path.open("a") as out:
            out.writelines(json.dumps({"line": each.line, "reason": each.reason}) + "\n" for each in refusals)


class _Progress:
    """What the operator sees: a bar on a terminal, else a line now and then."""

    def __init__(self, size: int) -> None:
        self._size = max(size, 1)
        self._begun = self._last = time.monotonic()
        self._first_place: int | None = None
        self._reasons: Counter[str] = Counter()
        self._shown = 0

    def step(self, step: Step) -> None:
        for refusal in step.refusals:
            self._reasons[refusal.reason] += 1
            if self._shown < SHOWN:
                self._shown += 1
                self._clear()
                typer.echo(f"line {refusal.line}: {refusal.reason}", err=True)
        now, at, bar = time.monotonic(), step.reached, sys.stderr.isatty()
        if self._first_place is None:
            self._first_place = at.place
        if not bar and now - self._last < SAY_EVERY_S:
            return
        self._last = now
        share = at.place / self._size
        left = (self._size - at.place) * (now - self._begun) / max(at.place - self._first_place, 1)
        counts = f"{at.created} created, {at.existing} there already, {at.refused} refused"
        filled = int(share * BAR_WIDTH)
        drawn = f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] " if bar else ""
        line = f"{drawn}{share:4.0%}  line {at.line}: {counts}"
        wait = f", {left:.0f} s left" if at.place > self._first_place and at.place < self._size else ""
        typer.echo(f"\r\033[K{line}{wait}" if bar else line + wait, nl=not bar, err=True)

    def sum_up(self, ended: Import, *, dry_run: bool) -> None:
        self._clear()
        for reason, count in sorted(self._reasons.items()):
            typer.echo(f"{reason}: {count}", err=True)
        would = "would be " if dry_run else ""
        typer.echo(
            f"{ended.created} {would}created, {ended.existing} there already, {ended.refused} refused, "
            f"in {ended.line} lines."
        )

    def _clear(self) -> None:
        if sys.stderr.isatty():
            typer.echo("\r\033[K", nl=False, err=True)
