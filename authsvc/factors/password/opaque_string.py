"""One spelling for each password: the OpaqueString profile of RFC 8265, section 4.2. Pure.

1. every space that is not ASCII's becomes one that is (a phone's keyboard types U+00A0 where a desk's types U+0020);
2. Unicode normalisation form C: é typed in one key or in two is the same password.

NFC, not NFKC: compatibility forms fold characters that their owner sees as different (² and 2, ﬁ and fi), which makes
passwords weaker and surprises nobody less. SP 800-63B-4, 3.1.1.2 wants a normalisation, and one code point counted as
one character. Both sides go through here, what is set and what is checked; the profile's table of unassigned
code points is not applied, because it would shut out who typed a character that is younger than our Python.
"""

import unicodedata


def normalised(password: str) -> str:
    """Return the password as it is measured, hashed and compared."""
    spaced = "".join(" " if unicodedata.category(character) == "Zs" else character for character in password)
    return unicodedata.normalize("NFC", spaced)
