"""argon2id through argon2-cffi, with one cost for everybody.

An unknown user costs what a known one costs: `verify` always computes one hash, against a decoy of the same
parameters where there is no account. The decoy is made from random bytes at start, so nothing matches it.
While hashes of other systems are stored, everybody pays for them (legacy/hashes.py); `outdated` says yes to them.
"""

from collections import Counter
from collections.abc import Callable

from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

from authsvc.core.errors import BadInput
from authsvc.core.ids import new_secret
from authsvc.factors.password.legacy.formats import Kind, LegacyHash, Work, parse
from authsvc.factors.password.legacy.hashes import matches, spend
from authsvc.factors.password.legacy.service import no_tariff
from authsvc.factors.password.legacy.store import Tariff
from authsvc.factors.password.opaque_string import normalised
from authsvc.settings import PasswordSettings


class Hasher:
    """Hashes and verifies; counts how often it computed, which is what tests of equal cost look at."""

    def __init__(self, settings: PasswordSettings, tariff: Callable[[], Tariff] = no_tariff) -> None:
        self._tariff = tariff
        self._argon2 = PasswordHasher(
            time_cost=settings.time_cost, memory_cost=settings.memory_kib, parallelism=1, type=Type.ID
        )
        self._decoy = self._argon2.hash(new_secret())
        self.computed = 0
        self.worked: Counter[Kind] = Counter()  # units of each kind that `verify` spent; see legacy/formats.py

    def hash(self, password: str) -> str:
        """Return the encoded hash, parameters and salt included."""
        self.computed += 1
        return self._argon2.hash(normalised(password))

    def verify(self, stored: str | None, password: str) -> bool:
        """Return whether the password is the one behind `stored`; False at the same cost when there is none."""
        self.computed += 1
        paid: Counter[Kind] = Counter()
        right = False
        if (legacy := _legacy(stored)) is not None:
            right = matches(legacy, password)
            paid[legacy.work.kind] = legacy.work.units
        if not paid[Kind.ARGON2]:
            compared = stored if stored and stored.startswith("$argon2") else self._decoy
            right = (self._verify_argon2(compared, password) and compared is stored) or right
            paid[Kind.ARGON2] = self._units(compared)
        self._pay_the_rest(paid, password)
        return right

    def outdated(self, stored: str) -> bool:
        """Return whether `stored` was made with other parameters than today's, or by another system."""
        try:
            return self._argon2.check_needs_rehash(stored)
        except InvalidHashError:
            return True

    def _pay_the_rest(self, paid: Counter[Kind], password: str) -> None:
        owed: Counter[Kind] = Counter(dict(self._tariff()))
        owed[Kind.ARGON2] = max(owed[Kind.ARGON2], self._units(self._decoy))
        for kind, units in sorted((owed - paid).items()):
            spend(Work(kind, units), password)
        for kind, units in (owed | paid).items():  # not `self.worked +=`, which looks through what other threads change
            self.worked[kind] += units

    def _verify_argon2(self, stored: str, password: str) -> bool:
        try:
            return self._argon2.verify(stored, normalised(password))
        except (VerificationError, InvalidHashError):
            return False

    def _units(self, stored: str) -> int:
        try:
            parameters = extract_parameters(stored)
        except InvalidHashError:
            return 0
        return parameters.memory_cost * parameters.time_cost


def _legacy(stored: str | None) -> LegacyHash | None:
    if stored is None or stored.startswith("$argon2"):
        return None
    try:
        return parse(stored)
    except BadInput:
        return None
