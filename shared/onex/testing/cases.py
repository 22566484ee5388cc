"""Golden cases: ``cases.yaml`` beside a node says in messages what the node does, on every host."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from pydantic import JsonValue, TypeAdapter, ValidationError

from onex.model.contract.base import ContractPart
from onex.model.errors import ContractError, ContractProblem

Payload = dict[str, JsonValue]
Named = dict[str, Payload]
"""``{TypeName: {field: value}}``: one message."""


class Expected(ContractPart):
    """What ``when`` must lead to. Fields that are not named in ``publishes`` may have any value."""

    publishes: tuple[Named, ...] = ()
    dead_letter: Mapping[str, str] | None = None


class Case(ContractPart):
    """Feed ``given`` one after the other, then ``when``; compare what that one led to."""

    name: str
    given: tuple[Named, ...] = ()
    when: Mapping[str, Payload | str]
    """A message, or ``{bytes: hex}`` for the first subscribed topic."""
    then: Expected


def load_cases(folder: Path) -> Sequence[Case]:
    """Cases of a node; raises ContractError naming file and field."""
    file = folder / "cases.yaml"
    if not file.exists():
        raise ContractError([ContractProblem(file, 1, "file", "not found", "every node has cases")])
    try:
        return TypeAdapter(tuple[Case, ...]).validate_python(yaml.safe_load(file.read_text()))
    except (ValidationError, yaml.YAMLError) as error:
        raise ContractError([ContractProblem(file, 1, "cases", str(error), "mend the case")]) from None


def mismatch(case: Case, published: Sequence[Named], dead_letter: Mapping[str, str] | None) -> str:
    """What differs between a case and what happened; empty when it holds."""
    if case.then.dead_letter is not None:
        if dead_letter is None:
            return f"expected a dead letter {case.then.dead_letter}, published {published}"
        wrong = {k: dead_letter.get(k) for k, v in case.then.dead_letter.items() if dead_letter.get(k) != v}
        return f"dead letter differs: {wrong}, expected {dict(case.then.dead_letter)}" if wrong else ""
    if dead_letter is not None:
        return f"unexpected dead letter {dict(dead_letter)}"
    left = list(published)
    for wanted in case.then.publishes:
        found = next((message for message in left if _covers(message, wanted)), None)
        if found is None:
            return f"missing {wanted}; published {published}"
        left.remove(found)
    return f"published beside what was expected: {left}" if left else ""


def _covers(message: Named, wanted: Named) -> bool:
    (name, fields), (kind, payload) = next(iter(wanted.items())), next(iter(message.items()))
    return name == kind and all(field in payload and payload[field] == value for field, value in fields.items())
