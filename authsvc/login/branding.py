"""Whose name a flow's pages and mails carry. Pure; wiring/handovers.py fills `Brands` from the clients' registrations.

A brand is the client's that began the flow: our own pages, and clients that have none, look like the service itself.
"""

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection

from authsvc.core.mail import Letterhead


@dataclass(frozen=True)
class Brand:
    """A client's look: paths of its style sheet and logo, and what stands under its mails."""

    letterhead: Letterhead
    style: str | None = None
    logo: str | None = None
    logo_width: int = 0
    logo_height: int = 0

    @property
    def name(self) -> str:
        return self.letterhead.name


class Brands(Protocol):
    def of(self, client_id: str | None, connection: Connection | None = None) -> Brand | None:
        """Return a client's brand; None where it has none, or there is no client.

        Args: connection is the caller's, inside a transaction: none waits for a second one while it holds the first.
        """
        ...


class NoBrands:
    """Nobody has one."""

    def of(self, client_id: str | None, connection: Connection | None = None) -> None:  # noqa: ARG002  # as every Brands
        return


NO_BRANDS = NoBrands()
