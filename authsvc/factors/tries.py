"""How often a second factor may be typed wrong. Pure.

Five tries are free; then each waits as a password does (factors/password/lockout.py): 1 s, 5 s, 30 s, 5 min, doubling
up to 1 h. After 100 in a row (SP 800-63B-4, 3.2.2) the factor is refused until it is set up anew. Somebody who gets
here has given the right password; that owner was told of it at the fifth failure.

A code of 6 digits with three of them right at a time is guessed within 100 tries with a probability of 3 in 10,000.
"""

from datetime import datetime

from authsvc.factors.factor import TypedCheck
from authsvc.factors.password import lockout

FREE = lockout.FREE
REFUSED_AFTER = lockout.REFUSED_AFTER

blocked_until = lockout.blocked_until


def refused(failures: int) -> bool:
    """Return whether nothing more is tried until the factor is set up anew."""
    return failures >= REFUSED_AFTER


def tries_left(failures: int) -> int:
    """Return how many free tries are left after so many failures in a row."""
    return max(0, FREE - failures)


def wait_s(until: datetime, now: datetime) -> int:
    """Return the whole seconds to wait, at least one."""
    return max(1, int((until - now).total_seconds()) + 1)


def too_many(until: datetime, now: datetime, *, code: str) -> TypedCheck:
    """Return the answer to a try that came too early; it was not looked at."""
    seconds = wait_s(until, now)
    words = f"{seconds} seconds" if seconds < 90 else f"{round(seconds / 60)} minutes"
    words = "a second" if seconds == 1 else words
    return TypedCheck(False, code, f"Too many wrong codes. Please wait {words} and try again.", retry_after_s=seconds)
