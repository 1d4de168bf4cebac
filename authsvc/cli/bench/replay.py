"""How long replaying stored decisions takes: `authsvc bench --only replay --rows N [--database URL]`.

Every decision is made as the service makes one: a context of its own with eleven parts of behaviour and both typings,
scored, its inputs sealed under the key of one of CUSTOMERS persons. Then all of them are decided again under the policy
that decided them, in as many processes as there are cores, with another policy tried beside it. Making them is not
counted. SQLite in a folder of its own, or the given (empty) PostgreSQL database.
"""

import json
import os
import random
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert

from authsvc.accounts.levels import Level
from authsvc.cli.bench.server import prepared
from authsvc.core.ids import new_bytes
from authsvc.core.sealing.cipher import KEY_BYTES, NONCE_BYTES, seal_with
from authsvc.core.sealing.tables import personal_keys
from authsvc.risk.context import (
    BehaviourFacts,
    DeviceSeen,
    FailureCounts,
    RiskContext,
    Seen,
    Trigger,
    TypingFacts,
    TypingState,
)
from authsvc.risk.policy import Policy, assess
from authsvc.risk.policy_file import default_policy
from authsvc.risk.replay.judge import Verdict
from authsvc.risk.replay.service import Work, replay
from authsvc.risk.tables import risk_decisions

CUSTOMERS = 20_000
BATCH = 5_000
PARTS = (
    "browser",
    "country",
    "device",
    "hour",
    "language",
    "network",
    "provider",
    "round_trip",
    "system",
    "travel",
    "zone",
)
DAYS = 30


def measure_replay(rows: int, database: str | None) -> dict[str, object]:
    """Return how long deciding `rows` decisions again takes, and that all came out equal."""
    old = default_policy()
    new = replace(old, name="tried", prior_log_odds=old.prior_log_odds + 0.5)
    cores = os.cpu_count() or 1
    settings = {} if database is None else {"DATABASE__URL": database}
    with prepared(**settings) as server:
        now = server.services.clock.now()
        keyring, url = server.services.risk.vault.keyring, server.services.database.url
        keys = [new_bytes(KEY_BYTES) for _ in range(CUSTOMERS)]
        with server.services.database.write() as connection:
            for first in range(0, CUSTOMERS, BATCH):
                sealed = [
                    {
                        "account_id": f"bench_{n}",
                        "sealed_key": keyring.seal(
                            keys[n], context=f"personal_keys:bench_{n}", nonce=new_bytes(NONCE_BYTES)
                        ),
                        "created_at": now,
                    }
                    for n in range(first, min(first + BATCH, CUSTOMERS))
                ]
                connection.execute(insert(personal_keys), sealed)
        with ProcessPoolExecutor(cores) as pool:
            spans = [(first, min(BATCH, rows - first)) for first in range(0, rows, BATCH)]
            for made in pool.map(_made, *zip(*[(each, old, keys, now, rows) for each in spans], strict=True)):
                with server.services.database.write() as connection:
                    connection.execute(insert(risk_decisions), made)
        work = Work(url.render_as_string(hide_password=False), keyring, {old.version: old, new.version: new}, new)
        began, cpu = time.perf_counter(), _processor_s()
        tally = replay(work, now - timedelta(days=DAYS + 1), now + timedelta(days=1), processes=cores)
        took, used = time.perf_counter() - began, _processor_s() - cpu
    assert tally.verdicts[Verdict.EQUAL] == tally.verdicts.total() == rows, tally.verdicts
    return {
        "replay_decisions": rows,
        "replay_s": round(took, 1),
        "replay_processor_s": round(used, 1),  # of the processes that decide; not of PostgreSQL
        "replay_processes": cores,
        "replay_equal": tally.verdicts[Verdict.EQUAL],
        "replay_database": url.get_backend_name(),
    }


def _processor_s() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _made(span: tuple[int, int], policy: Policy, keys: list[bytes], now: datetime, rows: int) -> list[dict[str, Any]]:
    drawn = random.Random(span[0])  # noqa: S311  # makes up decisions
    step = timedelta(days=DAYS) / rows
    return [_row(number, policy, keys, now - step * number, drawn) for number in range(span[0], sum(span))]


def _row(number: int, policy: Policy, keys: list[bytes], at: datetime, drawn: random.Random) -> dict[str, Any]:
    context, who, decision_id = _context(drawn), drawn.randrange(CUSTOMERS), f"dec_bench_{number}"
    decision = assess(policy, context)
    sealed = seal_with(
        keys[who],
        json.dumps(context.to_inputs(), sort_keys=True).encode(),
        key_id="person",
        context=f"risk_decisions:{decision_id}",
        nonce=drawn.randbytes(NONCE_BYTES),
    )
    return {
        "id": decision_id,
        "at": at,
        "account_id": f"bench_{who}",
        "flow_id": "flow_bench",
        "client_id": f"cli_{number % 5}",
        "trigger": context.trigger.value,
        "decision": decision.decision.value,
        "required": decision.required.name.lower(),
        "log_odds": decision.log_odds,
        "probability": decision.probability,
        "policy_version": decision.policy_version,
        "model_version": decision.model_version,
        "contributions": [each.to_json() for each in decision.contributions],
        "inputs_sealed": sealed,
        "outcome": "completed",
        "outcome_at": at,
    }


def _context(drawn: random.Random) -> RiskContext:
    return RiskContext(
        Trigger.PASSWORD,
        Level.PWD,
        device=DeviceSeen(drawn.random() < 0.8, drawn.uniform(0, 1e7)),
        network=drawn.choice((Seen.KNOWN, Seen.NEW)),
        country=drawn.choice((Seen.KNOWN, Seen.KNOWN, Seen.NEW)),
        failures=FailureCounts(drawn.randrange(8), drawn.randrange(20), drawn.randrange(8), drawn.randrange(6)),
        since_last_sign_in_s=drawn.uniform(0, 4e7),
        sign_ins=drawn.randrange(1, 200),
        typing=TypingFacts(TypingState.SCORED, drawn.gauss(1, 3)),
        email_typing=TypingFacts(TypingState.SCORED, drawn.gauss(1, 3)),
        behaviour=BehaviourFacts(tuple((part, drawn.gauss(-0.5, 1.5)) for part in PARTS)),
    )
