"""Golden cases: ``cases.yaml`` next to a node states in messages what the node does, on every host."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import yaml
from pydantic import JsonValue, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from onex.contract.yaml_lines import Lines, Location, collect_lines, dotted, line_of
from onex.errors import ContractError, ContractProblem
from onex.model.contract.examples import Case, Named

__all__ = ["Case", "Named", "case_lines", "covers", "fits", "load_cases", "mismatch"]


_RESOLVERS = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
"""Times are read as text, as JSON has them."""


class _Loader(yaml.SafeLoader):
    """Words its errors for people."""

    yaml_implicit_resolvers = _RESOLVERS


_FASTER: type[yaml.SafeLoader] = type(
    "_FasterLoader", (getattr(yaml, "CSafeLoader", _Loader),), {"yaml_implicit_resolvers": _RESOLVERS}
)
"""Takes a quarter of the time, where PyYAML was built with libyaml."""


def load_cases(folder: Path) -> Sequence[Case]:
    """Return the cases of a node. Raise ContractError with file, line and field of each problem."""
    file = folder / "cases.yaml"
    data, lines = _document(file)
    try:
        return _CASES.validate_python(data)
    except ValidationError as error:
        raise ContractError([_problem(file, lines, details) for details in error.errors()]) from None


def case_lines(folder: Path) -> Sequence[int]:
    """Return the line of each case of a node, from 1. Raise ContractError as :func:`load_cases` does."""
    lines = _document(folder / "cases.yaml")[1]
    return [line for at, line in sorted(lines.items(), key=lambda entry: entry[1]) if len(at) == 1]


_CASES = TypeAdapter(tuple[Case, ...])


def _document(file: Path) -> tuple[object, Lines]:
    """Return the content of the file, and the lines of its parts."""
    try:
        text = file.read_text(encoding="utf-8")
        try:
            data, lines, doubled = _read(_FASTER(text))
        except (yaml.YAMLError, ValueError):
            data, lines, doubled = _read(_Loader(text))
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


def _read(loader: yaml.SafeLoader) -> tuple[object, Lines, list[tuple[Location, int]]]:
    """Return content, lines, and the places of keys that stand twice."""
    lines: Lines = {}
    root = loader.get_single_node()
    doubled = [] if root is None else [*collect_lines(root, (), lines)]
    return [] if root is None else loader.construct_document(root), lines, doubled


def _problem(file: Path, lines: Lines, details: ErrorDetails) -> ContractProblem:
    at = tuple(details["loc"])
    field = dotted(at) if at else ""
    return ContractProblem(file, line_of(lines, at), f"cases{field}", details["msg"], "see docs/testing.md")


def _refused(file: Path, line: int, field: str, what: str, remedy: str) -> ContractError:
    return ContractError([ContractProblem(file, line, field, what, remedy)])


def mismatch(case: Case, published: Sequence[Named], dead_letter: Mapping[str, str] | None) -> str:
    """Return the difference between a case and what happened; empty when there is none."""
    if case.then.dead_letter is not None:
        if dead_letter is None:
            return f"expected a dead letter {case.then.dead_letter}, published {published}"
        wrong = {k: dead_letter.get(k) for k, v in case.then.dead_letter.items() if not fits(dead_letter.get(k), v)}
        return f"dead letter differs: {wrong}, expected {dict(case.then.dead_letter)}" if wrong else ""
    if dead_letter is not None:
        return f"unexpected dead letter {dict(dead_letter)}"
    unexpected = list(published)
    for wanted in case.then.publishes:
        match = next((message for message in unexpected if covers(message, wanted)), None)
        if match is None:
            return f"missing {wanted}; published {published}"
        unexpected.remove(match)
    return f"published in addition to what was expected: {unexpected}" if unexpected else ""


def covers(message: Named, wanted: Named) -> bool:
    """Return whether a message has the type and the fields of an expected one."""
    (name, fields), (kind, payload) = next(iter(wanted.items())), next(iter(message.items()))
    return name == kind and fits(payload, fields)


def fits(actual: JsonValue, wanted: JsonValue) -> bool:
    """Return whether a value is the expected one; see :class:`Expected`."""
    match wanted:
        case str():
            return wanted == "*" or actual == wanted or (isinstance(actual, str) and _text_fits(actual, wanted))
        case dict():
            fields = wanted.items()
            return isinstance(actual, dict) and all(
                name in actual and fits(actual[name], value) for name, value in fields
            )
        case list():
            return isinstance(actual, list) and len(actual) == len(wanted) and all(map(fits, actual, wanted))
        case _:
            return actual == wanted


def _text_fits(actual: str, wanted: str) -> bool:
    if (time := _time(wanted)) is not None:
        return _time(actual) == time
    parts = re.split(r"(\\\*|\*)", wanted)
    pattern = "".join(".*" if part == "*" else re.escape("*" if part == "\\*" else part) for part in parts)
    return re.fullmatch(pattern, actual, re.DOTALL) is not None


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
