"""Golden cases: ``cases.yaml`` beside a node says in messages what the node does, on every host."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import yaml
from pydantic import JsonValue, TypeAdapter, ValidationError

from onex.model.contract.base import ContractPart
from onex.model.errors import ContractError, ContractProblem

Payload = dict[str, JsonValue]
Named = dict[str, Payload]
"""``{TypeName: {field: value}}``: one message."""


class Expected(ContractPart):
    """What ``when`` must lead to.

    Fields that are not named in ``publishes`` may have any value, and so may those whose value is ``"*"``. In a text
    ``*`` stands for any characters, and ``\\*`` for itself. Times are compared as times, however they are written.
    """

    publishes: tuple[Named, ...] = ()
    dead_letter: Mapping[str, str] | None = None


class Case(ContractPart):
    """Feed ``given`` one after the other, then ``when``; compare what that one led to."""

    name: str
    given: tuple[Named, ...] = ()
    when: Mapping[str, Payload | str]
    """A message, or ``{bytes: hex}`` for the first subscribed topic."""
    then: Expected


class _Loader(yaml.SafeLoader):
    """Times stay text, as they are in JSON."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load_cases(folder: Path) -> Sequence[Case]:
    """Cases of a node; raises ContractError naming file and field."""
    file = folder / "cases.yaml"
    if not file.exists():
        raise ContractError([ContractProblem(file, 1, "file", "not found", "every node has cases")])
    try:
        return TypeAdapter(tuple[Case, ...]).validate_python(yaml.load(file.read_text(), _Loader))
    except (ValidationError, yaml.YAMLError) as error:
        raise ContractError([ContractProblem(file, 1, "cases", str(error), "mend the case")]) from None


def mismatch(case: Case, published: Sequence[Named], dead_letter: Mapping[str, str] | None) -> str:
    """What differs between a case and what happened; empty when it holds."""
    if case.then.dead_letter is not None:
        if dead_letter is None:
            return f"expected a dead letter {case.then.dead_letter}, published {published}"
        wrong = {k: dead_letter.get(k) for k, v in case.then.dead_letter.items() if not _fits(dead_letter.get(k), v)}
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
    return name == kind and _fits(payload, fields)


def _fits(found: JsonValue, wanted: JsonValue) -> bool:
    match wanted:
        case str():
            return wanted == "*" or found == wanted or (isinstance(found, str) and _text_fits(found, wanted))
        case dict():
            fields = wanted.items()
            return isinstance(found, dict) and all(
                name in found and _fits(found[name], value) for name, value in fields
            )
        case list():
            return isinstance(found, list) and len(found) == len(wanted) and all(map(_fits, found, wanted))
        case _:
            return found == wanted


def _text_fits(found: str, wanted: str) -> bool:
    if (time := _time(wanted)) is not None:
        return _time(found) == time
    parts = re.split(r"(\\\*|\*)", wanted)
    pattern = "".join(".*" if part == "*" else re.escape("*" if part == "\\*" else part) for part in parts)
    return re.fullmatch(pattern, found, re.DOTALL) is not None


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
