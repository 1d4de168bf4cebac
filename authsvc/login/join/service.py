"""Begin the sign-up of somebody whom a shop invited.

The mail's link fills in name and address, and proves nothing: the address is proven by a code like everybody's, so that
there is one way only to an account. The link works as often as it is opened, until the account is there.
"""

from dataclasses import dataclass

from authsvc.accounts.invited.store import find_invited_by_token
from authsvc.accounts.levels import Level
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import Gone
from authsvc.core.ids import hash_secret
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.login.account.fresh.service import ACCOUNT_NAME
from authsvc.login.account.places import Place, kept
from authsvc.login.service import FlowPurpose, Flows
from authsvc.login.store import Flow


@dataclass(frozen=True)
class Join:
    """Begins sign-ups from invitations."""

    database: Database
    clock: Clock
    limits: Limits
    flows: Flows

    def begin(self, token: str, *, browser: str, origin: Origin) -> Flow:
        """Begin a sign-up with what the shop said.

        Raises:
            Gone: `invited.over`: the link is unknown or has expired, or the account is there by now.
            TooMany: too many flows from one address.
        """
        self.limits.spend("flow_per_address", origin.source)
        with self.database.read() as connection:
            invited = find_invited_by_token(connection, hash_secret(token), now=self.clock.now())
        if invited is None:
            raise Gone(
                "invited.over", "This link has been used or has expired. You can create an account at the shop as ever."
            )
        purpose = FlowPurpose(
            kind="account",
            client_name=ACCOUNT_NAME,
            required=Level.NONE,
            params=kept(Place.HOME),
            prompt=frozenset({"create"}),
            login_hint=invited.email,
            name_hint=invited.display_name,
        )
        return self.flows.begin(purpose, browser=browser, origin=origin)
