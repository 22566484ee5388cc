"""Golden cases: ``cases.yaml`` beside a node says in messages what the node does, on every host."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import yaml
from pydantic import AfterValidator, JsonValue, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from onex.contract.yaml_lines import Lines, collect_lines, dotted, line_of
from onex.errors import ContractError, ContractProblem
from onex.model.contract.base import ContractPart

Payload = dict[str, JsonValue]
Named = dict[str, Payload]
"""``{TypeName: {field: value}}``: one message."""


_M = TypeVar("_M", bound=Mapping[str, Payload | str])


def _one_message(named: _M) -> _M:
    if len(named) != 1:
        raise ValueError(f"one message is `TypeName: {{field: value}}`, and here are {len(named)}")
    for name, payload in named.items():
        if (name == "bytes") is not isinstance(payload, str):
            raise ValueError("fields of a message are a mapping, and `bytes` are hexadecimal digits in quotes")
        if isinstance(payload, str):
            bytes.fromhex(payload)
    return named


class Expected(ContractPart):
    """What ``when`` must lead to.

    Fields that are not named in ``publishes`` may have any value, and so may those whose value is ``"*"``. In a text
    ``*`` stands for any characters, and ``\\*`` for itself. Times are compared as times, however they are written.
    """

    publishes: tuple[Annotated[Named, AfterValidator(_one_message)], ...] = ()
    dead_letter: Mapping[str, str] | None = None


class Case(ContractPart):
    """Feed ``given`` one after the other, then ``when``; compare what that one led to."""

    name: str
    given: tuple[Annotated[Named, AfterValidator(_one_message)], ...] = ()
    when: Annotated[Mapping[str, Payload | str], AfterValidator(_one_message)]
    """A message, or ``{bytes: hex}`` for the first subscribed topic."""
    then: Expected


class _Loader(yaml.SafeLoader):
    """Times stay text, as they are in JSON."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load_cases(folder: Path) -> Sequence[Case]:
    """Cases of a node. Raise ContractError with file, line and field of each problem."""
    file = folder / "cases.yaml"
    data, lines = _document(file)
    try:
        return _CASES.validate_python(data)
    except ValidationError as error:
        raise ContractError([_problem(file, lines, details) for details in error.errors()]) from None


_CASES = TypeAdapter(tuple[Case, ...])


def _document(file: Path) -> tuple[object, Lines]:
    """Content of the file, and the lines of its parts."""
    lines: Lines = {}
    try:
        loader = _Loader(file.read_text(encoding="utf-8"))
        root = loader.get_single_node()
        if root is None:
            return [], lines
        doubled = [*collect_lines(root, (), lines)]
        data: object = loader.construct_document(root)
    except FileNotFoundError:
        raise _refused(file, 1, "file", "not found", "every node has cases") from None
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(file, 1, "file", f"cannot be read: {error}", "save it as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _refused(file, line, "yaml", error.problem or "is no YAML", "fix the YAML") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _refused(file, 1, "yaml", str(error) or type(error).__name__, "fix the YAML") from None
    if doubled:
        at, line = doubled[0]
        raise _refused(file, line, f"cases{dotted(at)}", "key stands twice", "keep one")
    return data, lines


def _problem(file: Path, lines: Lines, details: ErrorDetails) -> ContractProblem:
    at = tuple(details["loc"])
    field = dotted(at) if at else ""
    return ContractProblem(file, line_of(lines, at), f"cases{field}", details["msg"], "see docs/testing.md")


def _refused(file: Path, line: int, field: str, what: str, remedy: str) -> ContractError:
    return ContractError([ContractProblem(file, line, field, what, remedy)])


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
