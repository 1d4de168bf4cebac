"""The whole risk step (gather, decide, record, learn, commit) beside a short history and a long one.

The same customers are measured both times; what grows around them are rows of other accounts, made by the database
itself (generate_series): networks, decisions, failures and profiles, and every cell of the population's counts. So it
shows whether a look-up grows with a table, not what a disk costs that has never read the row. Pure scoring is timed
alone, on a profile that is as full as one can be. The database is a PostgreSQL of the bench's own, or the one given.
"""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import cycle, islice

from sqlalchemy import Connection, text

from authsvc.accounts.devices.service import DeviceFacts
from authsvc.accounts.levels import Level
from authsvc.accounts.store import Account, insert_account
from authsvc.cli.bench.not_measured import NotMeasured
from authsvc.cli.bench.postgresql import find_programs, running
from authsvc.cli.bench.server import BenchServer, prepared
from authsvc.core.ids import new_bytes, new_id
from authsvc.core.origin import Origin
from authsvc.risk.context import BehaviourFacts, RiskContext, Trigger
from authsvc.risk.history.behaviour.likelihood import log_odds
from authsvc.risk.history.behaviour.population import Cells
from authsvc.risk.history.behaviour.profile import MOST_VALUES, NOTHING_KNOWN, Profile, Shown, learned
from authsvc.risk.history.behaviour.sighting import PARENTS, WEEK_BINS, Feature
from authsvc.risk.history.behaviour.store import sweep_population
from authsvc.risk.policy import assess

SHORT = 10_000
CUSTOMERS, SIGN_INS = 200, 12
STEPS, WARM = 1500, 200
PER_ACCOUNT = 50  # rows that one filled account brings: 20 networks, 25 decisions, 3 failures, 2 more
AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
)

FILL = (
    """insert into accounts (id, user_handle, display_name, status, created_at)
       select 'bench_' || n, decode(md5('h' || n) || md5('i' || n), 'hex'), 'Bench', 'active', now()
       from generate_series(cast(:first as integer), cast(:last as integer)) n""",
    """insert into account_history (account_id, sign_ins, last_sign_in_at)
       select 'bench_' || n, 20, now() from generate_series(cast(:first as integer), cast(:last as integer)) n""",
    """insert into known_networks (account_id, network_index, country_index, first_seen_at, last_seen_at, count)
       select 'bench_' || n, decode(md5(n || 'a' || k) || md5(n || 'b' || k), 'hex'), null, now(), now(), 1
       from generate_series(cast(:first as integer), cast(:last as integer)) n, generate_series(1, 20) k""",
    """insert into risk_decisions (id, at, account_id, flow_id, trigger, decision, required, log_odds, probability,
         policy_version, model_version, contributions, inputs_sealed, outcome)
       select 'bench_' || n || '_' || k, now() - k * interval '3 days', 'bench_' || n, 'flow', 'password', 'allow',
         'none', -6, 0.002, md5('p'), 'bench', '[]', decode(repeat(md5(n || 'c' || k), 16), 'hex'), 'completed'
       from generate_series(cast(:first as integer), cast(:last as integer)) n, generate_series(1, 25) k""",
    """insert into sign_in_failures (id, at, account_index, source_index)
       select 'bench_' || n || '_' || k, now() - k * interval '1 hour',
         decode(md5('d' || n) || md5('e' || n), 'hex'), decode(md5('f' || n % 9999) || md5('g' || n % 9999), 'hex')
       from generate_series(cast(:first as integer), cast(:last as integer)) n, generate_series(1, 3) k""",
    """insert into behaviour_profiles (account_id, profile_sealed, updated_at)
       select 'bench_' || n, decode(repeat(md5('j' || n), 64), 'hex'), now()
       from generate_series(cast(:first as integer), cast(:last as integer)) n""",
)
FILL_POPULATION = """insert into population_counts (cell, weight)
    select f * 1048576 + c, 1 + c % 7 from generate_series(1, 9) f,
      generate_series(1, case f when 3 then 262144 when 2 then 16384 when 7 then 56 else 1024 end) c
    on conflict do nothing"""


@dataclass(frozen=True)
class Times:
    p50_ms: float
    p99_ms: float


def measure_risk(rows: int, database: str | None) -> dict[str, object]:
    """Return percentiles of the step at SHORT and at `rows` rows of history, and of scoring.

    Args:
        database: the URL of an empty PostgreSQL database; None starts a server for the bench.

    Raises:
        NotMeasured: none is given, and the machine has no programs to start one.
    """
    with _empty(database) as url, prepared(DATABASE__URL=url) as server:
        customers = [_customer(server, number) for number in range(CUSTOMERS)]
        filled = _fill(server, 0, SHORT)
        short = _steps(server, customers)
        began = time.perf_counter()
        with server.services.database.write() as connection:
            connection.execute(text(FILL_POPULATION))
        _fill(server, filled, rows)
        filling_s = time.perf_counter() - began
        long = _steps(server, customers)
    return {
        "risk_step_ms": {str(SHORT): short.__dict__, str(rows): long.__dict__},
        "risk_step_p50_ratio": round(long.p50_ms / short.p50_ms, 3),
        "risk_scoring_ms": _scoring().__dict__,
        "risk_rows_filled_in_s": round(filling_s),
    }


@contextmanager
def _empty(database: str | None) -> Iterator[str]:
    if database is not None:
        yield database
        return
    programs = find_programs()
    if programs is None:
        raise NotMeasured("PostgreSQL's programs are not on this machine; name an empty database with --database")
    with running(programs) as url:
        yield url


def _fill(server: BenchServer, first: int, rows: int) -> int:
    last = rows // PER_ACCOUNT
    for statement in FILL:
        with server.services.database.write() as connection:
            connection.execute(text(statement), {"first": first + 1, "last": last})
    with server.services.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze"))
    return last


def _customer(server: BenchServer, number: int) -> Account:
    services, now = server.services, server.services.clock.now()
    account = Account(new_id("acc"), new_bytes(32), f"Customer {number}", "active", now)
    with services.database.write() as connection:
        insert_account(connection, account)
    for day in range(SIGN_INS):
        with services.database.write() as connection:
            services.risk.learn(
                connection,
                account_id=account.id,
                origin=_origin(number, day),
                typing=None,
                password_version=1,
                now=now - timedelta(days=SIGN_INS - day),
            )
    with services.database.write() as connection:
        sweep_population(connection, now)
    return account


def _origin(number: int, day: int) -> Origin:
    return Origin("bench", f"10.{number % 250}.{day % 3}.9", AGENT, "nl-nl", "Europe/Amsterdam", 40 + day)


def _steps(server: BenchServer, customers: list[Account]) -> Times:
    took = []
    for number, account in enumerate(islice(cycle(customers), WARM + STEPS)):
        began = time.perf_counter()
        with server.services.database.write() as connection:
            _step(server, connection, account, _origin(number % CUSTOMERS, number // CUSTOMERS))
        took.append(1000 * (time.perf_counter() - began))
    return _percentiles(took[WARM:])


def _step(server: BenchServer, connection: Connection, account: Account, origin: Origin) -> None:
    risk, now = server.services.risk, server.services.clock.now()
    context = risk.gather(
        connection,
        trigger=Trigger.PASSWORD,
        account=account,
        first_factor=Level.PWD,
        device=DeviceFacts("dev_bench", True, now - timedelta(days=9), now),
        origin=origin,
        typing=None,
        password_version=1,
        now=now,
    )
    decision = risk.decide(context)
    risk.record(
        connection,
        decision,
        context,
        account_id=account.id,
        flow_id="flow_bench",
        client_id=None,
        origin=origin,
        now=now,
        outcome="completed",
    )
    risk.learn(connection, account_id=account.id, origin=origin, typing=None, password_version=1, now=now)


def _scoring() -> Times:
    from authsvc.risk.policy_file import load_policy

    policy, profile = load_policy(None), _full_profile()
    shown = _shown(1)
    cells = Cells({}, shown.at_s)
    took = []
    for _ in range(2000):
        began = time.perf_counter()
        parts = log_odds(profile, shown, shown, cells)
        facts = BehaviourFacts(tuple((str(name), part) for name, part in parts.items()))
        assess(policy, RiskContext(Trigger.PASSWORD, Level.PWD, sign_ins=99, behaviour=facts))
        took.append(1000 * (time.perf_counter() - began))
    return _percentiles(took)


def _full_profile() -> Profile:
    profile = NOTHING_KNOWN
    for number in range(MOST_VALUES):
        profile = learned(profile, _shown(number))
    return profile


def _shown(number: int) -> Shown:
    keys = {feature: number % WEEK_BINS + 1 if feature is Feature.HOUR else number + 1 for feature in PARENTS}
    return Shown(1.8e9 + number, keys, {}, 40.0 + number, 1 + number % 8)


def _percentiles(took: list[float]) -> Times:
    return Times(round(statistics.median(took), 3), round(statistics.quantiles(took, n=100)[98], 3))
