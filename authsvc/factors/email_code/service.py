"""Send and check mailed codes: 8 digits, 10 minutes, 5 tries a code (security.md, "Addresses and mail").

What a right code counts for is not decided here: login/ladder.py says when it is a step-up. A code is bound to its
flow, purpose and address; a new one makes the earlier ones worthless. The stored hash is keyed and covers the code's
own id, since 10**8 codes can be tried in a second on a stolen table.

The mail carries the code in two spellings: digits to type, and a link with 256 random bits. Whichever comes first
spends both, in its own flow and nowhere else. The digits are a keyed hash of the link's bits, so that a link opened in
another browser can be answered by the digits to type in the first, and nothing that is stored tells either.
Rotating the master key makes codes worthless that are under way.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection

from authsvc.accounts.addresses import hint
from authsvc.accounts.levels import ProofKind
from authsvc.accounts.store import list_addresses
from authsvc.core.ids import CODE_DIGITS, hash_secret, new_id, new_secret
from authsvc.core.mail import Letterhead
from authsvc.core.origin import Origin
from authsvc.core.outbox.service import Outbox
from authsvc.core.sealing.cipher import Keyring
from authsvc.factors.email_code.budget import digits_of
from authsvc.factors.email_code.store import claim_try, consume_code, find_open_code, find_open_link, insert_code
from authsvc.factors.factor import Exported, Way

CODE_TTL = timedelta(minutes=10)
LINK_PATH = "/login/link"
MAX_TYPED = 128


class CodePurpose(StrEnum):
    SIGN_UP = "sign_up"
    STEP_UP = "step_up"
    UNLOCK = "unlock"
    RESET = "reset"
    RECOVERY = "recovery"
    ADDRESS_CHANGE = "address_change"


@dataclass(frozen=True)
class CodeCheck:
    """Whether a typed code was right, and how many tries its code has left."""

    right: bool
    tries_left: int = 0


@dataclass(frozen=True)
class OpenLink:
    """A mailed link that still opens something, and the code that says the same."""

    flow_id: str
    purpose: CodePurpose
    code: str


@dataclass(frozen=True)
class EmailCodes:
    """The emailed-code factor. Rate limits are the caller's first step."""

    keyring: Keyring
    outbox: Outbox
    service_name: str
    issuer: str

    kind = ProofKind.EMAIL_CODE

    def ways(self, connection: Connection, account_id: str) -> tuple[Way, ...]:
        """Return the address that codes go to: the primary one."""
        return tuple(
            Way(each.id, self.kind, "Code by mail", hint(each.email), each.verified_at)
            for each in list_addresses(connection, account_id)[:1]
        )

    def remove_all(self, connection: Connection, account_id: str, *, origin: Origin, now: datetime) -> int:  # noqa: ARG002  # a Factor's
        """Nothing to take away: an address belongs to the account, not to this factor."""
        return 0

    def export(self, connection: Connection, account_id: str) -> Exported:  # noqa: ARG002  # a Factor's
        """Nothing beyond the addresses, which are exported with the account."""
        return []

    def send(
        self,
        connection: Connection,
        *,
        flow_id: str,
        email: str,
        purpose: CodePurpose,
        now: datetime,
        letterhead: Letterhead | None = None,
        instead: str | None = None,
    ) -> None:
        """Mail a fresh code to an address, in the service's name where no other is given.

        Args:
            instead: the mail that goes out where the address may have no code. A code is kept all the same, one that
                nobody is told: neither the page nor its cost may tell who has an account.
        """
        token = self._keep(connection, flow_id, email, purpose, now)
        values: dict[str, str | int] = {"code": self._digits(token), "minutes": int(CODE_TTL.total_seconds() // 60)}
        if purpose in LINKED:
            values["link"] = f"{self.issuer}{LINK_PATH}?token={token}"
        head = letterhead or Letterhead(self.service_name)
        letter = head.write(instead, email) if instead else head.write(f"code_{purpose.value}", email, **values)
        self.outbox.mail(connection, letter, now=now)

    def check(
        self, connection: Connection, typed: str, *, flow_id: str, email: str, purpose: CodePurpose, now: datetime
    ) -> CodeCheck:
        """Try a code; the right one is spent, a wrong one counts against its code.

        Args:
            typed: the code, or the token of the link in the same mail.
            email: what the code is to prove; one that was mailed to another address proves nothing here.
        """
        address_index = self.keyring.index("email-address", email)
        code_id = find_open_code(
            connection, flow_id=flow_id, purpose=purpose.value, address_index=address_index, now=now
        )
        tries_left = claim_try(connection, code_id, now) if code_id else None
        if code_id is None or tries_left is None:
            return CodeCheck(False)
        typed = typed[:MAX_TYPED]
        code_hash = self.keyring.index("email-code", f"{code_id}:{digits_of(typed)}")
        if consume_code(connection, code_id, code_hash=code_hash, link_hash=hash_secret(typed), now=now):
            return CodeCheck(True)
        return CodeCheck(False, tries_left)

    def find_link(self, connection: Connection, token: str, *, now: datetime) -> OpenLink | None:
        """Return what a link opens; looking changes nothing. None when it is spent, expired or was never made."""
        found = find_open_link(connection, hash_secret(token), now=now)
        return OpenLink(found[0], CodePurpose(found[1]), self._digits(token)) if found else None

    def _keep(self, connection: Connection, flow_id: str, email: str, purpose: CodePurpose, now: datetime) -> str:
        token, code_id = new_secret(), new_id("cod")
        insert_code(
            connection,
            code_id=code_id,
            flow_id=flow_id,
            purpose=purpose.value,
            address_index=self.keyring.index("email-address", email),
            code_hash=self.keyring.index("email-code", f"{code_id}:{self._digits(token)}"),
            link_hash=hash_secret(token),
            now=now,
            expires_at=now + CODE_TTL,
        )
        return token

    def _digits(self, token: str) -> str:
        number = int.from_bytes(self.keyring.index("email-code-digits", token))
        return f"{number % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


# Whose pages take a link beside the code; the others have a page of their own for the code alone.
LINKED = frozenset(
    {CodePurpose.SIGN_UP, CodePurpose.STEP_UP, CodePurpose.UNLOCK, CodePurpose.RESET, CodePurpose.RECOVERY}
)
