"""argon2id through argon2-cffi, with one cost for everybody.

An unknown user costs what a known one costs: `verify` always computes one hash, against a decoy of the same
parameters where there is no account. The decoy is made from random bytes at start, so nothing matches it.
"""

import unicodedata

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from authsvc.core.ids import new_secret
from authsvc.settings import PasswordSettings


def normalised(password: str) -> str:
    """Return the password as it is hashed: in NFC, so that two keyboards spell it alike (SP 800-63B-4, 3.1.1.2)."""
    return unicodedata.normalize("NFC", password)


class Hasher:
    """Hashes and verifies; counts how often it computed, which is what tests of equal cost look at."""

    def __init__(self, settings: PasswordSettings) -> None:
        self._argon2 = PasswordHasher(
            time_cost=settings.time_cost, memory_cost=settings.memory_kib, parallelism=1, type=Type.ID
        )
        self._decoy = self._argon2.hash(new_secret())
        self.computed = 0

    def hash(self, password: str) -> str:
        """Return the encoded hash, parameters and salt included."""
        self.computed += 1
        return self._argon2.hash(normalised(password))

    def verify(self, stored: str | None, password: str) -> bool:
        """Return whether the password is the one behind `stored`; False at the same cost when there is none."""
        self.computed += 1
        try:
            matches = self._argon2.verify(stored or self._decoy, normalised(password))
        except (VerificationError, InvalidHashError):
            return False
        return matches and stored is not None

    def outdated(self, stored: str) -> bool:
        """Return whether `stored` was made with other parameters than today's."""
        return self._argon2.check_needs_rehash(stored)
