"""Record what happened, in the transaction of the use case that did it; the rows are written at its end.

A tag is `source:subject:action`, such as `login:password:failed`: the room that saw it, what it was about, what was
done. Every tag is listed in docs/reference/events.md; a test keeps that list complete.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, Text, cast, func, insert, literal

from authsvc.core.audit.chain import check_facts
from authsvc.core.audit.tables import audit_events
from authsvc.core.database import write_at_end
from authsvc.core.errors import Gone
from authsvc.core.ids import new_id
from authsvc.core.origin import Origin
from authsvc.core.sealing.service import Vault


@dataclass(frozen=True)
class Audit:
    """Appends events; never changes one."""

    vault: Vault

    def record(
        self,
        connection: Connection,
        tag: str,
        *,
        now: datetime,
        account_id: str | None = None,
        origin: Origin | None = None,
        facts: Mapping[str, Any] | None = None,
        personal: Mapping[str, Any] | None = None,
    ) -> str:
        """Append one event and return its id.

        Args:
            facts: what may be kept for ever: ids, codes, counts. Nothing that tells who or where somebody is.
            personal: what is about a person; sealed under the account's key. The origin's address and
                user agent are added to it.

        Raises:
            ValueError: the facts have no canonical JSON form, so that the chain could not hold them.
        """
        check_facts(facts or {})
        event_id = new_id("evt")
        private = dict(personal or {})
        if origin is not None:
            private |= {"address": origin.address, "user_agent": origin.user_agent[:300]}
        context = f"audit_events:{event_id}"
        sealed: bytes | None = None
        if private and account_id is not None:
            with suppress(Gone):  # what is personal of an erased person is not kept; that it happened is
                sealed = self.vault.seal_json_for(connection, account_id, private, context=context, now=now)
        elif private:
            sealed = self.vault.seal(json.dumps(private, sort_keys=True).encode(), context=context)
        write_at_end(
            connection,
            _INSERT[connection.dialect.name],
            {
                "event_id": event_id,
                "at": now,
                "tag": tag,
                "account_id": account_id,
                "request_id": origin.request_id if origin else None,
                "facts": dict(facts or {}),
                "sealed": sealed,
            },
        )
        return event_id


# Built once: the most frequent statement of all. xid8 has no cast to bigint; its text is decimal.
_INSERT = {
    "sqlite": insert(audit_events).values(xid=literal(0)).inline(),
    "postgresql": insert(audit_events).values(xid=cast(cast(func.pg_current_xact_id(), Text), BigInteger)).inline(),
}
