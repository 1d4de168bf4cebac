"""How long a guesser waits, and what stays open for the owner (security.md, "Devices and lockout"). Pure.

Failures are counted per (account, known device), and in one bucket per account for all other browsers:
5 are free, then 1 s, 5 s, 30 s, 5 min, doubling up to 1 h. After 100 in a row (SP 800-63B-4, 3.2.2) passwords from
unknown devices are refused until the owner signs in by passkey, from a known device, or proves the mailbox.
Ten in a row make a known device unknown.

An attempt is *claimed* before the hash is computed: it counts as a failure until a success clears the bucket, so N
guesses in parallel count as N. A bucket that nobody has tried for 30 days is forgotten.
"""

from datetime import datetime, timedelta

FREE = 5
DELAYS_S = (1, 5, 30, 300)
LONGEST_S = 3600
REFUSED_AFTER = 100
FORGET_DEVICE_AFTER = 10
FORGET_BUCKET_AFTER = timedelta(days=30)

OTHER_BROWSERS = "others"


def delay_s(failures: int) -> int:
    """Return how long the next attempt waits after so many failures in a row."""
    step = failures - FREE
    if step < 1:
        return 0
    if step <= len(DELAYS_S):
        return DELAYS_S[step - 1]
    return int(min(DELAYS_S[-1] * 2 ** min(step - len(DELAYS_S), 10), LONGEST_S))


def blocked_until(failures: int, last_failed_at: datetime) -> datetime:
    """Return the time before which no attempt is taken."""
    return last_failed_at + timedelta(seconds=delay_s(failures))


def needs_owner(failures: int, bucket: str) -> bool:
    """Return whether passwords in this bucket are refused until the owner shows up another way."""
    return bucket == OTHER_BROWSERS and failures >= REFUSED_AFTER
