"""One account with one passkey, and the passkey factor around it: what tests of ceremonies begin with."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from authsvc.accounts.store import Account, insert_account
from authsvc.cli.soft_authenticator import SoftAuthenticator
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import Database
from authsvc.core.ids import new_bytes, new_id
from authsvc.core.origin import Origin
from authsvc.factors.passkey.attestation import ASKS_NOTHING, AttestationPolicy
from authsvc.factors.passkey.service import Passkeys, Proven, Refused
from tests.support.clocks import SettableClock

RP_ID = "id.shop.example"
ORIGIN = "https://id.shop.example"
HERE = Origin("req_test", "203.0.113.7", "test")
FLOW = "flow_test"


@dataclass
class PasskeyBench:
    """One account with one registered passkey."""

    database: Database
    service: Passkeys
    clock: SettableClock

    def __post_init__(self) -> None:
        self.account = self.add_account()
        self.authenticator = SoftAuthenticator(RP_ID, ORIGIN)
        assert isinstance(self.register(self.account, self.authenticator), str)

    def add_account(self) -> Account:
        account = Account(new_id("acc"), new_bytes(32), "Ada", "active", self.clock.now())
        with self.database.write() as connection:
            insert_account(connection, account)
        return account

    def creation_options(
        self, account: Account, flow: str = FLOW, attestation: AttestationPolicy = ASKS_NOTHING
    ) -> dict[str, Any]:
        """Begin a registration as a sign-up does: the account is still to be made."""
        with self.database.write() as connection:
            return self.service.begin_registration(
                connection,
                flow_id=flow,
                user_handle=account.user_handle,
                email="ada@example.org",
                display_name="Ada",
                attestation=attestation,
                now=self.clock.now(),
            )

    def addition_options(self, account: Account, **asked: Any) -> dict[str, Any]:
        """Begin the registration of one more passkey."""
        with self.database.write() as connection:
            return self.service.begin_addition(
                connection, flow_id=FLOW, account=account, email="ada@example.org", now=self.clock.now(), **asked
            )

    def register(
        self,
        account: Account,
        authenticator: SoftAuthenticator,
        attestation: AttestationPolicy = ASKS_NOTHING,
        **bend: Any,
    ) -> str | Refused:
        """Register a passkey, from its options to its row; return the row's id."""
        return self.keep(account, authenticator.create(self.creation_options(account, FLOW, attestation), **bend))

    def keep(self, account: Account, answer: dict[str, Any], *, added_to: str | None = None) -> str | Refused:
        """Finish a registration. Args: added_to is the account of an addition."""
        with self.database.write() as connection:
            new = self.service.finish_registration(
                connection, answer, flow_id=FLOW, account_id=added_to, origin=HERE, now=self.clock.now()
            )
            if isinstance(new, Refused):
                return new
            kept = self.service.keep(connection, account.id, new.registered, origin=HERE, now=self.clock.now())
            return kept if isinstance(kept, Refused) else kept.id

    def request_options(self, account_id: str | None = None, flow: str = FLOW) -> dict[str, Any]:
        with self.database.write() as connection:
            return self.service.begin_assertion(connection, flow_id=flow, account_id=account_id, now=self.clock.now())

    def verify(self, answer: dict[str, Any], flow: str = FLOW, **asked: Any) -> Proven | Refused:
        with self.database.write() as connection:
            return self.service.finish_assertion(
                connection, answer, flow_id=flow, origin=HERE, now=self.clock.now(), **asked
            )

    def another(self, **bend: Any) -> SoftAuthenticator:
        """Register one more passkey of the account, a second later."""
        self.clock.advance(seconds=1)
        authenticator = SoftAuthenticator(RP_ID, ORIGIN)
        assert isinstance(self.register(self.account, authenticator, **bend), str)
        return authenticator

    def facts(self, tag: str) -> list[dict[str, Any]]:
        query = select(audit_events.c.facts).where(audit_events.c.tag == tag).order_by(audit_events.c.id)
        with self.database.read() as connection:
            return list(connection.execute(query).scalars())

    def tags(self) -> list[str]:
        with self.database.read() as connection:
            return list(connection.execute(select(audit_events.c.tag).order_by(audit_events.c.id)).scalars())
