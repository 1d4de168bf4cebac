"""Open a mailed link. Looking changes nothing; a button spends it, in the browser that asked for the mail.

1. A link is bound to its flow, and a flow to its browser (security.md, "Flows belong to a browser"). Opened there, the
   page has a button that sends the link's token where the code would be typed.
2. Opened anywhere else it shows the code, to be typed in the browser that waits for it: on another device of the same
   person that helps; whoever was sent somebody else's flow is told to close the page, and nothing was spent.
3. Mail scanners open links, and some press buttons: they have no flow, so they spend nothing.
"""

from dataclasses import dataclass

from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.errors import Gone
from authsvc.core.limits import Limits
from authsvc.core.origin import Origin
from authsvc.factors.email_code.service import CodePurpose, EmailCodes
from authsvc.login.service import belongs_to
from authsvc.login.store import Flow, find_flow


@dataclass(frozen=True)
class OpenedLink:
    """What a link opens. `code` is shown in another browser than the flow's, where it is None."""

    flow: Flow
    purpose: CodePurpose
    code: str | None


@dataclass(frozen=True)
class EmailedLinks:
    """Looks at links."""

    database: Database
    clock: Clock
    limits: Limits
    audit: Audit
    codes: EmailCodes

    def look(self, token: str, *, browser: str, origin: Origin) -> OpenedLink:
        """Return what the link opens.

        Raises:
            Gone: `link.spent`: used, expired, replaced by a newer mail, or never made.
            TooMany: somebody tries links.
        """
        self.limits.spend("code_per_address", origin.source)
        now = self.clock.now()
        with self.database.read() as connection:
            link = self.codes.find_link(connection, token, now=now)
            flow = find_flow(connection, link.flow_id) if link else None
        if link is None or flow is None or flow.expires_at <= now:
            raise Gone(
                "link.spent", "This link was used already, or a newer mail has taken its place, or it is too old."
            )
        if belongs_to(flow, browser):  # 1
            return OpenedLink(flow, link.purpose, None)
        with self.database.write() as connection:  # 2
            self.audit.record(
                connection,
                "login:link:shown_elsewhere",
                now=now,
                account_id=flow.account_id,
                origin=origin,
                facts={"flow": flow.id, "purpose": link.purpose.value},
            )
        return OpenedLink(flow, link.purpose, link.code)
