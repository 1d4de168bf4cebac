"""How a recovery code is written, and read again. Pure.

    4x7k-q2mp-9d0t-hvwa        16 characters of Crockford's base32, in lower case: 80 bits

Its alphabet has no letter that looks like another; what people read for one is taken for it (o for 0; i and l for 1).
"""

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
CODE_BYTES = 10
CODE_CHARACTERS = CODE_BYTES * 8 // 5
GROUP = 4
MAX_TYPED = 64

_READ_AS = str.maketrans({"o": "0", "i": "1", "l": "1"})


def code_from(random: bytes) -> str:
    """Return the code that these random bytes spell."""
    if len(random) != CODE_BYTES:
        raise ValueError(f"a recovery code is made of {CODE_BYTES} random bytes")
    number = int.from_bytes(random)
    spelled = "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(CODE_CHARACTERS)))
    return "-".join(spelled[start : start + GROUP] for start in range(0, CODE_CHARACTERS, GROUP))


def normalise(typed: str) -> str | None:
    """Return what somebody typed as it is hashed, without marks between the groups; None when it can't be a code."""
    letters = "".join(typed[:MAX_TYPED].lower().split()).replace("-", "").translate(_READ_AS)
    return letters if len(letters) == CODE_CHARACTERS and set(letters) <= set(ALPHABET) else None
