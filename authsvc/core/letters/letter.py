"""Read one mail's text and fill it in. Pure.

    Subject: Your code: $code

    Type this on the page that asked for it:

        $code

The first line is the subject, the second is empty, the rest is the text. Placeholders are those of string.Template
($code or ${code}; $$ is a dollar): names are replaced by texts, once, and nothing else can be asked of it.

A text is refused

1. when it is too long, not UTF-8, or has a character that can't be seen (control characters, turned-around writing);
2. when its first line is not a subject of one line: a second line would be a header of its own making;
3. when it names what its kind does not have, or has a stray $;
4. when something required is missing, or a code or link does not stand on a line of its own: what is glued to a link
   becomes part of it.

Each complaint names the line. In the subject no link may stand; a code may.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import Template

from authsvc.core.errors import BadInput
from authsvc.core.letters.kinds import KINDS, LetterKind

MAX_BYTES = 8192
MAX_LINES = 120
MAX_SUBJECT = 120  # RFC 5322 advises 78 for a line; a filled-in name needs room
SUBJECT = "Subject:"
# Other, and line or paragraph separators. Cf holds the characters that turn writing around.
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


@dataclass(frozen=True)
class Letter:
    """A subject and a text with placeholders, both checked."""

    subject: str
    text: str

    def fill(self, values: Mapping[str, str]) -> tuple[str, str]:
        """Return the subject and the text to send. Raises KeyError: a value is missing."""
        subject = Template(self.subject).substitute(values)
        return " ".join(subject.split()), Template(self.text).substitute(values)

    def written(self) -> str:
        """Return it as read_letter reads it."""
        return f"{SUBJECT} {self.subject}\n\n{self.text}\n"


def read_letter(kind_name: str, raw: bytes, *, source: str) -> Letter:
    """Return a checked text of a kind.

    Args:
        kind_name: one of KINDS.
        raw: the file.
        source: what the file is called in complaints.

    Raises:
        BadInput: `brand.mail`: with one line for each complaint.
    """
    kind = KINDS[kind_name]
    text = _decoded(raw, source)
    lines = text.rstrip().split("\n")
    _refuse_problems(kind, lines, source)
    return Letter(lines[0].removeprefix(SUBJECT).strip(), "\n".join(line.rstrip() for line in lines[2:]).strip("\n"))


def check_again(kind_name: str, letter: Letter) -> None:
    """Check a letter that was kept: rules may be others since. Raises BadInput: `brand.mail`."""
    if kind_name not in KINDS:
        raise BadInput("brand.mail", f"{kind_name}: no kind of mail is called so")
    _refuse_problems(KINDS[kind_name], letter.written().rstrip().split("\n"), kind_name)


def _refuse_problems(kind: LetterKind, lines: list[str], source: str) -> None:
    problems = [f"{source}, line {line}: {why}" for line, why in sorted(_problems(kind, lines))]
    if problems:
        raise BadInput("brand.mail", "\n".join(problems))


def _decoded(raw: bytes, source: str) -> str:
    if len(raw) > MAX_BYTES:  # 1
        raise BadInput("brand.mail", f"{source}: longer than {MAX_BYTES} bytes")
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n")
    except UnicodeDecodeError as problem:
        line = raw[: problem.start].count(b"\n") + 1
        raise BadInput("brand.mail", f"{source}, line {line}: not UTF-8") from None
    return text


def _problems(kind: LetterKind, lines: list[str]) -> Iterator[tuple[int, str]]:
    if len(lines) > MAX_LINES:
        yield MAX_LINES + 1, f"more than {MAX_LINES} lines"
    yield from _head_problems(lines)
    for number, line in enumerate(lines, start=1):
        hidden = [each for each in line if unicodedata.category(each) in INVISIBLE]
        if hidden:
            yield number, f"the character U+{ord(hidden[0]):04X} can't be seen, and is not taken"  # 1
        yield from ((number, why) for why in _name_problems(kind, line, is_subject=number == 1))
    for name in kind.required:  # 4
        alone = name == "code" or name.endswith("link")
        if not any(_stands(name, line.strip(), alone=alone) for line in lines[2:]):
            yield (
                len(lines),
                f"${name} is missing: it has to stand in the text{', on a line of its own' if alone else ''}",
            )


def _stands(name: str, line: str, *, alone: bool) -> bool:
    if alone:
        return line in (f"${name}", f"${{{name}}}")
    return any((found["named"] or found["braced"]) == name for found in Template.pattern.finditer(line))


def _head_problems(lines: list[str]) -> Iterator[tuple[int, str]]:  # 2
    subject = lines[0].removeprefix(SUBJECT).strip()
    if not lines[0].startswith(SUBJECT) or not subject:
        yield 1, f"the first line is “{SUBJECT} …”"
    if len(subject) > MAX_SUBJECT:
        yield 1, f"a subject has at most {MAX_SUBJECT} characters"
    if len(lines) < 2 or lines[1].strip():
        yield 2, "the second line is empty; a subject is the only header there is"
    if not any(line.strip() for line in lines[2:]):
        yield 3, "the text is missing"


def _name_problems(kind: LetterKind, line: str, *, is_subject: bool) -> Iterator[str]:  # 3
    allowed = sorted(name for name in kind.placeholders if not (is_subject and name.endswith("link")))
    for found in Template.pattern.finditer(line):
        name = found["named"] or found["braced"]
        if name is not None and name not in allowed:
            yield f"${name} is not known here; there is {', '.join(f'${each}' for each in allowed)}"
        if found["invalid"] is not None:
            yield "a $ that begins no name; write $$ for a dollar"
