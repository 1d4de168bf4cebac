"""May this expression be a rule? Checked when a policy is read, so that nothing surprises when it runs. Pure.

The language is the part of CEL (github.com/google/cel-spec, langdef.md) that can neither fail nor loop:

    expression  = all { "||" all }            all      = relation { "&&" relation }
    relation    = unary [ operator unary ]    operator = "==" "!=" "<" "<=" ">" ">=" "in"
    unary       = "!" unary | "(" expression ")" | literal | list | fact

No functions, macros, arithmetic or indexing: what it costs is bounded by its length. CEL's evaluator finds a wrong type
only when it meets it, and `device.known == 1` it takes for plainly false; here

1. every name is a fact (facts.py);  2. `!`, `&&` and `||` take truths, and the whole is one;
3. both sides of a relation are of one kind, where int and double are one;  4. order is for numbers;
5. a text that its fact can never be is refused, for such a rule would never speak;
6. it is no longer than LONGEST, nested no deeper than DEEPEST, a list no longer than LONGEST_LIST.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NoReturn

from authsvc.risk.rules.facts import FACTS, Fact, Kind

LONGEST, DEEPEST, LONGEST_LIST = 500, 20, 50
LARGEST_INT = 2**63 - 1  # CEL's int

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)|(?P<double>-?\d+\.\d+(?:[eE][-+]?\d+)?)|(?P<int>-?\d+(?![\w.]))
      |(?P<text>"[^"\\\n]*"|'[^'\\\n]*')|(?P<name>[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*)
      |(?P<sign>\|\||&&|==|!=|<=|>=|[<>!()\[\],])""",
    re.VERBOSE,
)
_NUMBERS = (Kind.INT, Kind.DOUBLE)
_EQUAL, _ORDER = ("==", "!="), ("<", "<=", ">", ">=")


class ExpressionRefused(ValueError):
    """The expression can't be a rule. `line` counts from 1 within it."""

    def __init__(self, why: str, line: int) -> None:
        super().__init__(why)
        self.line = line


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    line: int


@dataclass(frozen=True)
class _Value:
    """What a part of the expression is: its kind, and what tells more of a text."""

    kind: Kind
    fact: Fact | None = None
    texts: tuple[str, ...] = ()  # of a literal, or of a list of them


def check_expression(expression: str) -> tuple[str, ...]:
    """Return the names of the facts that it asks for.

    Raises:
        ExpressionRefused: it breaks one of the rules above.
    """
    if len(expression) > LONGEST:
        raise ExpressionRefused(f"longer than {LONGEST} characters", 1)  # 6
    parser = _Parser([*_tokens(expression)])
    whole = parser.expression(0)
    if parser.now.kind != "end":
        parser.refuse(f"{parser.now.text!r} is not expected here")
    if whole.kind is not Kind.BOOL:
        parser.refuse(f"it must be true or false, and is {whole.kind}")  # 2
    return tuple(sorted(parser.asked))


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens, self._place = tokens, 0
        self.asked: set[str] = set()

    @property
    def now(self) -> _Token:
        return self._tokens[self._place]

    def refuse(self, why: str) -> NoReturn:
        raise ExpressionRefused(why, self.now.line)

    def expression(self, depth: int) -> _Value:
        return self._joined("||", lambda: self._joined("&&", lambda: self._relation(depth)))

    def _joined(self, sign: str, part: Callable[[], _Value]) -> _Value:
        value = part()
        while self.now.text == sign and self.now.kind == "sign":
            self._truth(value, sign)
            self._place += 1
            value = part()
            self._truth(value, sign)
        return value

    def _relation(self, depth: int) -> _Value:
        left = self._unary(depth)
        operator = self.now.text
        if (self.now.kind, operator) != ("name", "in") and (self.now.kind != "sign" or operator not in _EQUAL + _ORDER):
            return left
        self._place += 1
        right = self._unary(depth)
        if operator == "in":
            self._member(left, right)
        else:
            self._comparable(left, operator, right)
        return _Value(Kind.BOOL)

    def _unary(self, depth: int) -> _Value:
        if depth >= DEEPEST:
            self.refuse(f"nested deeper than {DEEPEST}")  # 6
        token = self.now
        self._place += token.kind != "end"
        if token.kind == "sign" and token.text == "!":
            value = self._unary(depth + 1)
            self._truth(value, "!")
            return value
        if token.kind == "sign" and token.text == "(":
            value = self.expression(depth + 1)
            self._skip(")")
            return value
        if token.kind == "sign" and token.text == "[":
            return self._list()
        if token.kind in ("int", "double", "text") or token.text in ("true", "false"):
            return self._literal(token)
        if token.kind == "name":
            return self._fact(token)
        raise ExpressionRefused(
            f"{token.text!r} is not expected here" if token.text else "it ends too early", token.line
        )

    def _literal(self, token: _Token) -> _Value:
        if token.kind == "name":
            return _Value(Kind.BOOL)
        if token.kind == "text":
            return _Value(Kind.STRING, texts=(token.text[1:-1],))
        if token.kind == "int" and abs(int(token.text)) > LARGEST_INT:
            self.refuse(f"{token.text} is too large")
        return _Value(Kind.INT if token.kind == "int" else Kind.DOUBLE)

    def _fact(self, token: _Token) -> _Value:
        fact = FACTS.get(token.text)
        if fact is None:
            self.refuse(f"{token.text!r} is no fact; known are {', '.join(sorted(FACTS))}")  # 1
        self.asked.add(fact.name)
        return _Value(fact.kind, fact)

    def _list(self) -> _Value:
        texts: list[str] = []
        while True:
            if self.now.kind != "text":
                self.refuse("a list holds texts, at least one")
            texts.append(self.now.text[1:-1])
            self._place += 1
            if len(texts) > LONGEST_LIST:
                self.refuse(f"a list of more than {LONGEST_LIST}")  # 6
            if self.now.text != ",":
                break
            self._place += 1
        self._skip("]")
        return _Value(Kind.STRINGS, texts=tuple(texts))

    def _skip(self, sign: str) -> None:
        if self.now.text != sign:
            self.refuse(f"{sign!r} is missing")
        self._place += 1

    def _truth(self, value: _Value, sign: str) -> None:
        if value.kind is not Kind.BOOL:
            self.refuse(f"{sign!r} takes true or false, not {value.kind}")  # 2

    def _comparable(self, left: _Value, operator: str, right: _Value) -> None:
        numbers = left.kind in _NUMBERS and right.kind in _NUMBERS
        if operator in _ORDER and not numbers:
            self.refuse(f"{operator!r} compares numbers, not {left.kind} with {right.kind}")  # 4
        if not numbers and left.kind is not right.kind:
            self.refuse(f"{operator!r} compares {left.kind} with {right.kind}")  # 3
        self._possible(left, right)
        self._possible(right, left)

    def _member(self, left: _Value, right: _Value) -> None:
        if left.kind is not Kind.STRING or right.kind is not Kind.STRINGS:
            self.refuse(f"'in' looks for a text in a list, not for {left.kind} in {right.kind}")  # 3
        self._possible(left, right)
        self._possible(right, left)

    def _possible(self, fact: _Value, given: _Value) -> None:
        if fact.fact is None or not fact.fact.values:
            return
        for text in given.texts:
            if text not in fact.fact.values:
                self.refuse(f"{fact.fact.name} is never {text!r}; it is one of {', '.join(fact.fact.values)}")  # 5


def _tokens(expression: str) -> Iterator[_Token]:
    place, line = 0, 1
    while place < len(expression):
        found = _TOKEN.match(expression, place)
        if found is None:
            raise ExpressionRefused(f"{expression[place]!r} is not expected here", line)
        if found.lastgroup != "space":
            yield _Token(str(found.lastgroup), found.group(), line)
        line += found.group().count("\n")
        place = found.end()
    yield _Token("end", "", line)
