"""The rules of the stages: a stable name, a severity and a remedy each."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from onex.codegen.model import ModelFinding

Severity = Literal["error", "warning"]
LONGEST_NAME = 80
"""Longest name from a checked file in a message, in characters."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a stage looks for."""

    name: str
    """Stage or subject, a dot, and the problem: ``purity.clock``. Suppressions name it."""
    remedy: str
    severity: Severity = "error"

    def at(self, file: str, place: ast.AST | int, message: str, remedy: str = "") -> ModelFinding:
        """Return a finding. ``place`` is a line, from 1, or a part of the syntax tree; 0 means the whole file."""
        match place:
            case int():
                line = place
            case _:
                line = int(getattr(place, "lineno", 0))
        return ModelFinding(
            severity=self.severity,
            file=file,
            line=line,
            rule=self.name,
            message=message,
            remedy=remedy or self.remedy,
        )


def shown(name: str) -> str:
    """Return a name from a checked file for a message: printable, and of bounded length."""
    text = "".join(c if c.isprintable() else "?" for c in name[:LONGEST_NAME])
    return f"{text}..." if len(name) > LONGEST_NAME else text


def in_order(findings: Iterable[ModelFinding]) -> tuple[ModelFinding, ...]:
    """Return findings by file and line, each once."""
    return tuple(sorted(set(findings), key=lambda f: (f.file, f.line, f.rule, f.message)))


Findings = Iterator[ModelFinding]
