"""Runs checked expressions by the package of that name: the Rust implementation of CEL, some 5 microseconds each.

Chosen over cel-python: both are alive and under Apache-2.0; that one is pure Python, 50 times slower here, and brings
google-re2, lark, pendulum and PyYAML. Neither checks types before it runs; check.py does.

An expression is compiled once for each process. It gets the facts that it names and nothing else: no function of ours,
no clock. What goes wrong all the same is a RuleFailed, and the policy then asks for a step-up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from authsvc.risk.rules.check import check_expression
from authsvc.risk.rules.facts import FACTS, Subject

COMPILED = 512  # as many as sixteen policies may have rules


class RuleFailed(Exception):
    """The evaluator raised, or answered something that is neither true nor false."""


@dataclass(frozen=True)
class Compiled:
    """An expression that can be run."""

    names: tuple[str, ...]
    execute: Callable[[dict[str, Any]], Any]

    def holds(self, subject: Subject) -> bool:
        """Return whether the expression is true of it. Raises RuleFailed."""
        given: dict[str, Any] = {}
        for name in self.names:
            room, _, leaf = name.rpartition(".")
            (given.setdefault(room, {}) if room else given)[leaf] = FACTS[name].of(subject)
        try:
            answer = self.execute(given)
        except Exception as problem:
            raise RuleFailed(str(problem)) from problem
        if not isinstance(answer, bool):
            raise RuleFailed(f"it answered {answer!r}")
        return answer


@lru_cache(maxsize=COMPILED)
def compiled(expression: str) -> Compiled:
    """Return the expression, ready to run.

    Raises:
        ExpressionRefused: see check.py.
    """
    import cel  # its package loads a command line of its own, which only those pay for who have a rule

    names = check_expression(expression)
    return Compiled(names, cel.compile(expression).execute)
