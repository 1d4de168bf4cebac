"""Whole sign-ins per second, beside what bare argon2 with the same parameters allows, in alternating rounds.

Machines are noisy, so what counts is the ratio of the two, from rounds that follow one another. The clients run on
the same cores as the server. Nothing is left out: risk decides, evidence, device, session, typing and token rows are
written, and the JSON says how many of each.
"""

import os
import random
import statistics
from datetime import datetime

from sqlalchemy import func, select

from authsvc.accounts.consents.service import Purpose
from authsvc.accounts.store import Account, Address, insert_account, insert_address
from authsvc.cli.bench.argon2_alone import argon2_with_huge_pages
from authsvc.cli.bench.customer import Connection, Customer
from authsvc.cli.bench.rounds import Round, rate, run
from authsvc.cli.bench.server import BenchServer, running
from authsvc.cli.soft_authenticator import SoftAuthenticator
from authsvc.core.ids import new_bytes, new_id
from authsvc.core.origin import Origin
from authsvc.factors.passkey.store import Passkey, insert_passkey
from authsvc.factors.password.argon2_hasher import Hasher
from authsvc.factors.password.store import Password, insert_password
from authsvc.tables import metadata

PASSWORD = "four words and a number 7"
ROUNDS = 5
CLIENTS = 8  # enough that a hash never waits for a request


def measure_passwords() -> dict[str, object]:
    """Return bare argon2 and password sign-ins per second, their ratio, and rows written per sign-in."""
    cores = os.cpu_count() or 1
    with running() as server:
        hasher = Hasher(server.services.settings.password)
        stored = hasher.hash(PASSWORD)
        customers = [make_customer(server, number, password_hash=stored) for number in range(CLIENTS)]
        rhythm = random.Random(1)  # noqa: S311  # timings, not secrets
        for customer in customers:  # the first sign-in makes the device known
            customer.sign_in_with_password(_typing(rhythm))
        before = _count_rows(server)
        bare: list[Round] = []
        full: list[Round] = []
        huge: list[float] = []
        for _ in range(ROUNDS):
            bare.append(run(cores, lambda _: hasher.verify(stored, PASSWORD)))
            full.append(run(CLIENTS, lambda index: _again(customers[index], rhythm)))
            huge.append(argon2_with_huge_pages(stored, PASSWORD))
        written = _count_rows(server)
        for customer in customers:
            customer.close()
    sign_ins = sum(each.all for each in full)
    bare_per_s, full_per_s = rate(bare), rate(full)
    # The median of neighbouring rounds: one disturbed round says nothing about the code.
    shares = [rate([after]) / rate([before]) for before, after in zip(bare, full, strict=True)]
    return {
        "argon2_per_s": round(bare_per_s, 2),
        "password_sign_ins_per_s": round(full_per_s, 2),
        "password_share_of_argon2": round(statistics.median(shares), 3),
        "password_share_by_round": [round(share, 3) for share in shares],
        # The server asks for huge pages (cli/huge_pages.py), bare argon2 above does not; with them it does this.
        "argon2_huge_pages_per_s": round(statistics.mean(huge), 2),
        "password_share_of_argon2_huge_pages": round(
            statistics.median(rate([each]) / bare_rate for each, bare_rate in zip(full, huge, strict=True)), 3
        ),
        "rows_written_per_password_sign_in": _per_sign_in(before, written, sign_ins),
        "argon2_parameters": {
            "memory_kib": server.services.settings.password.memory_kib,
            "time_cost": server.services.settings.password.time_cost,
            "parallelism": 1,
        },
    }


def measure_passkeys() -> dict[str, object]:
    """Return passkey sign-ins per second, and rows written per sign-in."""
    with running() as server:
        customers = [make_customer(server, number) for number in range(CLIENTS)]
        for customer in customers:
            customer.sign_in_with_passkey()
        before = _count_rows(server)
        rounds = [run(CLIENTS, lambda index: _again(customers[index], None)) for _ in range(3)]
        written = _count_rows(server)
        for customer in customers:
            customer.close()
    return {
        "passkey_sign_ins_per_s": round(rate(rounds), 2),
        "rows_written_per_passkey_sign_in": _per_sign_in(before, written, sum(each.all for each in rounds)),
    }


def _again(customer: Customer, rhythm: random.Random | None) -> None:
    customer.sign_out()
    if rhythm is None:
        customer.sign_in_with_passkey()
    else:
        customer.sign_in_with_password(_typing(rhythm))


def make_customer(
    server: BenchServer,
    number: int,
    *,
    password_hash: str | None = None,
    passkeys: int = 1,
    connection: Connection | None = None,
) -> Customer:
    """Write an account with a password, or with so many passkeys; return its owner at a browser."""
    services, now = server.services, server.services.clock.now()
    email = f"customer{number}@example.org"
    account = Account(new_id("acc"), new_bytes(32), f"Customer {number}", "active", now)
    network = f"10.20.{number}"
    issuer = services.settings.issuer
    authenticator = None
    with services.database.write() as writing:
        insert_account(writing, account)
        insert_address(writing, Address(new_id("adr"), account.id, email, now, verified_at_sign_up=True))
        if password_hash is not None:
            insert_password(writing, Password(account.id, password_hash, 1, now))
            origin = Origin("bench", f"{network}.1", "")
            services.consents.give(writing, account.id, Purpose.TYPING, origin=origin, now=now)
        else:
            for _ in range(passkeys):
                authenticator = SoftAuthenticator(services.settings.rp_id, issuer, user_handle=account.user_handle)
                insert_passkey(writing, _passkey(account.id, authenticator, now))
    return Customer(server, network, email, PASSWORD, authenticator, connection)


def _passkey(account_id: str, authenticator: SoftAuthenticator, now: datetime) -> Passkey:
    return Passkey(
        id=new_id("pky"),
        account_id=account_id,
        credential_id=authenticator.credential_id,
        public_key=authenticator.cose_key(),
        sign_count=0,
        aaguid="00000000-0000-0000-0000-000000000000",
        transports=("internal",),
        backup_eligible=False,
        backed_up=False,
        name="Passkey",
        created_at=now,
        uv_at_registration=True,
        proven_uv_at=now,
    )


def _typing(rhythm: random.Random) -> str:
    at, events = 0.0, []
    for _ in PASSWORD:
        events.append([round(at, 1), round(at + rhythm.gauss(95, 12), 1)])
        at += max(60.0, rhythm.gauss(150, 25))
    pairs = ",".join(f"[{press},{release}]" for press, release in events)
    return f'{{"field":"password","input":"keyboard","events":[{pairs}],"pasted":false}}'


def _count_rows(server: BenchServer) -> dict[str, int]:
    with server.services.database.read() as connection:
        return {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in metadata.tables.items()
        }


def _per_sign_in(before: dict[str, int], after: dict[str, int], sign_ins: int) -> dict[str, float]:
    grown = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    return {name: round(count / max(sign_ins, 1), 2) for name, count in sorted(grown.items())}
