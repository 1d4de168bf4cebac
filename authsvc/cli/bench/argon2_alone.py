"""Bare argon2 in a process of its own, because memory of huge pages is decided when a process begins.

echo HASH | GLIBC_TUNABLES=glibc.malloc.hugetlb=1 python -m authsvc.cli.bench.argon2_alone PASSWORD
"""

import os
import sys

from argon2 import PasswordHasher

from authsvc.cli.bench.rounds import rate, run
from authsvc.cli.huge_pages import run_module


def argon2_with_huge_pages(stored: str, password: str) -> float:
    """Return verifications per second, on as many threads as there are cores."""
    return float(run_module(__name__, password, stdin=stored))


def _measure(stored: str, password: str) -> float:
    hasher = PasswordHasher()
    return rate([run(os.cpu_count() or 1, lambda _: hasher.verify(stored, password))])


if __name__ == "__main__":
    sys.stdout.write(str(_measure(sys.stdin.read().strip(), sys.argv[1])))
