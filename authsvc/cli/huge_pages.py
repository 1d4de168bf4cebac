"""Huge pages for argon2's memory. Wraps a tunable of glibc.

A hash fills 64 MiB: 16,384 small pages, each of which the kernel has to find, clear and map first, one fault at a time.
glibc asks for huge pages where its tunable says so, but reads that at the start of a process only; so `authsvc serve`
begins once more, as the same process, with it set. Hashes come out the same, 5 to 8 % sooner (docs/measurements.md).

Where the kernel gives no transparent huge pages, or the C library is another one, nothing changes. Whoever has set
GLIBC_TUNABLES is left alone.
"""

import os
import subprocess
import sys

NAME = "GLIBC_TUNABLES"
HUGE_PAGES = "glibc.malloc.hugetlb=1"


def begin_with_huge_pages() -> None:
    """Replace this process by the same one with the tunable set; return at once where it is set."""
    if sys.platform != "linux" or NAME in os.environ or not sys.executable:
        return
    os.environ[NAME] = HUGE_PAGES
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  # ourselves, with our own arguments


def run_module(module: str, *arguments: str, stdin: str = "") -> str:
    """Run a module in a process that begins with huge pages, for measurements; return what it wrote.

    Raises:
        CalledProcessError: it failed.
    """
    ran = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        input=stdin,
        env={**os.environ, NAME: HUGE_PAGES},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return ran.stdout
