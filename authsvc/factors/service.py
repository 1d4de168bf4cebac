"""What an account owns, asked of every factor alike."""

from collections.abc import Iterable

from sqlalchemy import Connection

from authsvc.accounts.levels import Level, ProofKind, reachable
from authsvc.factors.factor import Factor


def owned_kinds(factors: Iterable[Factor], connection: Connection, account_id: str) -> tuple[ProofKind, ...]:
    """Return the kinds of proof that the account has and that count, in the order of the ladder."""
    return tuple(factor.kind for factor in factors if any(way.counts for way in factor.ways(connection, account_id)))


def highest_demand(kinds: Iterable[ProofKind]) -> Level:
    """Return the highest level that may be asked of somebody with these factors.

    Recovery codes reach a level, but are no reason to ask for it: they are for the day on which the rest is lost, and
    there are ten. So does a face: nobody has to show it (docs/decisions/0005).
    """
    return reachable(set(kinds) - {ProofKind.RECOVERY_CODE, ProofKind.FACE})
